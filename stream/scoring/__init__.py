"""Scoring: feature vectors, policies, the scorer and reasons. No I/O, no clock, no Kafka.

This package belongs to floor 1 of the import order in docs/architecture.md.
"""

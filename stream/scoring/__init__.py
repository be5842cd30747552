"""Scoring (floor 1): features, policy, scorer and reasons. No I/O, no clock, no Kafka."""

"""The scoring worker: a Faust app around the scorer.

This package belongs to floor 5 of the import order in docs/architecture.md.
"""

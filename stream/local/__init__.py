"""Running programs on this machine: a local Kafka, child processes, and a stack that combines them.

This package belongs to floor 3 of the import order in docs/architecture.md.
"""

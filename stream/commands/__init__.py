"""The commands of `fraud-stream`, which `stream.cli` lists.

This package belongs to floor 6 of the import order in docs/architecture.md.
"""

"""The commands of `fraud-stream`, listed in `stream.cli` (floor 6 in docs/architecture.md)."""

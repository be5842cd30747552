"""Replay: shows what another model would have decided, and whether a decision can be reproduced.

This package belongs to floor 5 of the import order in docs/architecture.md.
"""

"""Control of roles: reading and writing them, elections, retraining requests, rollback and drift monitors.

This package belongs to floor 4 of the import order in docs/architecture.md.
"""

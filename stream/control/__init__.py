"""Control of roles: reading and writing them, elections, retraining requests, rollback and drift monitors.

Floor 4 in docs/architecture.md.
"""

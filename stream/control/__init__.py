"""Control of roles: reading and writing them, elections, retraining requests, rollback and drift monitors (floor 4)."""

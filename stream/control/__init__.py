"""Who decides: reading and writing roles, elections, retraining requests, rollback and drift monitors (floor 4)."""

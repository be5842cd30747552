"""The SQL ledger: every decision, shadow score, label and role change, each in one row (floor 5)."""

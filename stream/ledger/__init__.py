"""The SQL ledger: every decision, shadow score, label and role change, each row once (floor 4)."""

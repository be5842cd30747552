"""The SQL ledger: every decision, shadow score, label and role change, each in one row.

This package belongs to floor 5 of the import order in docs/architecture.md.
"""

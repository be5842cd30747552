"""What the ledger's history says about models, pure: no I/O, no clock, no SQL (floor 1)."""

"""The concept watch, on simulated errors and beside a ledger."""

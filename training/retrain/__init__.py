"""Retrain the champion on request: fit a challenger to archived transactions and their labels from the ledger."""

"""Retraining on request: from archive and ledger to a challenger in shadow."""

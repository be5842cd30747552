"""A new model on request: from archive and ledger to a challenger in the shadow."""

"""History through the scorer again: what another model would have decided, whether a decision holds."""

"""History through the scorer again."""

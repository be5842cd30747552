"""Commands of `fraud-train`, one a file."""

"""Load training data (downloaded or user-supplied), describe, validate and split them, and check them for leaks."""

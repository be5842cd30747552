"""Training data: fetched or a user's own, described, checked, split and checked for leaks."""

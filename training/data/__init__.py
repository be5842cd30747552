"""Data: fetched or a user's own, described, checked, split, watched for leaks."""

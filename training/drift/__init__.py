"""Drift outside the live stream: reports on files, and concept drift measured from labels."""

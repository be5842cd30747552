"""Drift detection outside the live stream: reports on files, and concept drift detected from labels."""

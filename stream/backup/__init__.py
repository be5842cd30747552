"""Backups: copies of what Kafka cannot restore, with a manifest of hashes that a restore verifies first."""

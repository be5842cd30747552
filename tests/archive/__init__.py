"""Tests of the archive, on file systems and a real Kafka."""

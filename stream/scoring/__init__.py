"""Scoring (floor 1): feature vectors, policies, the scorer and reasons. No I/O, no clock, no Kafka."""

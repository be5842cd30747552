"""Bounds, blocks and the guard's rule, without any Kafka."""

"""Specifications, most of them on a real Kafka."""

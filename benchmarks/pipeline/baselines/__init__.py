"""Baselines: small programs that do the same work with other stream processors, each in its own process.

The only code that they share with the worker is the message contracts, the manifest reader, feature computation, the
policy and the reasons, because Quix Streams runs in an environment where this project's Kafka client is not installed.
"""

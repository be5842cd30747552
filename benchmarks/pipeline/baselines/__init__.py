"""Baselines: small programs that do the same work with other stream processors, each in its own process.

With the worker they share only message contracts, manifest reader, feature computation, policy and reasons,
because one of them runs in an environment where this project's Kafka client is not installed.
"""

"""Baselines: the same work with other stream processors, each a small program in its own process.

They share only the message contracts, the manifest reader, feature computation, policy and reasons with the worker,
because one of them runs in an environment where this project's Kafka client is not installed.
"""

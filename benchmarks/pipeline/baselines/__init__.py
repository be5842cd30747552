"""The same work done the plain way: small honest programs, each a process of its own.

They share nothing with the worker but the message contracts, the audit-free reading of a bundle and the reasons of
alerts, for one of them runs in an environment where this project's Kafka client is not installed.
"""

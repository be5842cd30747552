"""Helpers for tests: a broker for the session, a fault-injecting proxy, programs in child processes, test data."""

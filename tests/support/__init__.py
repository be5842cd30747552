"""Test helpers: a broker for the session, a fault-injecting proxy, programs in child processes, and test data."""

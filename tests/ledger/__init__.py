"""Tests of the SQL ledger, on real databases and a real Kafka."""

"""Tests of retraining on request, with real Kafka, MLflow, ledger and archive."""

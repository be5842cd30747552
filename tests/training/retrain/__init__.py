"""Retraining on request, with real Kafka, MLflow, ledger and archive."""

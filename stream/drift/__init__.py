"""Drift: how far what comes in has moved from what the model was trained on. Pure: no Kafka, no clock."""

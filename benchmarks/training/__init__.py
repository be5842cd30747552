"""Seconds and memory of the steps of training: `fraud-train bench`."""

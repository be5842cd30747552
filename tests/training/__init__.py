"""Tests of training, on synthetic data."""

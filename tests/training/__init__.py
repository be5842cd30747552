"""Tests of training, on made-up data."""

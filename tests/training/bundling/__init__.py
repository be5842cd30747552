"""Tests of `training.bundling`."""

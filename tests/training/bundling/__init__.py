"""Specifications of `training.bundling`."""

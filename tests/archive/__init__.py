"""Specifications of the archive."""

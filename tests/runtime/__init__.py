"""Specifications of `stream.runtime`."""

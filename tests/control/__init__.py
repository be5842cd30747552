"""Specifications of `stream.control`."""

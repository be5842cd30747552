"""Specifications of `stream.local`."""

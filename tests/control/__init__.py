"""Tests of `stream.control`."""

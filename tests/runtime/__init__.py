"""Tests of `stream.runtime`."""

"""Tests of `stream.replay`."""

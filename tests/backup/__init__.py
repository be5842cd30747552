"""Tests of `stream.backup`."""

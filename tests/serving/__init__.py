"""Tests of `stream.serving`."""

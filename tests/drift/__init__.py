"""Tests of `stream.drift`."""

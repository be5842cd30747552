"""Tests of `stream.models`."""

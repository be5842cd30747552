"""Tests of `stream.evaluation`."""

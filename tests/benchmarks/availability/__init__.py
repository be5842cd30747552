"""Tests of `benchmarks.availability`."""

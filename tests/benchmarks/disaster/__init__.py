"""Tests of `benchmarks.disaster`."""

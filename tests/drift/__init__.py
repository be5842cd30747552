"""Tests of the drift floor."""

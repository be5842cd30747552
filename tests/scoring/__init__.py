"""Tests of `stream.scoring`."""

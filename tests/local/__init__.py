"""Tests of `stream.local`."""

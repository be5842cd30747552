"""Tests of the release rehearsal."""

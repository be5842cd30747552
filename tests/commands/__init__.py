"""Tests of `stream.commands`."""

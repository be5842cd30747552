"""Tests of the release tool."""

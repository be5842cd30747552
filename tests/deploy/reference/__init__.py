"""Tests of the generated reference pages."""

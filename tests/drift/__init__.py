"""Specifications of drift."""

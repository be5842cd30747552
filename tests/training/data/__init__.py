"""Data: specifications."""

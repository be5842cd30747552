"""Models: specifications."""

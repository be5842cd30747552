"""Registry: specifications."""

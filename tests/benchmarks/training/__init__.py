"""The bench of training: specifications."""

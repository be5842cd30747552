"""The HTTP edge: synchronous predictions, API keys and the operator console."""

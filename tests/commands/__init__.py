"""Commands of `fraud-stream` with a file of their own."""

"""What others say of the same windows, with their defaults."""

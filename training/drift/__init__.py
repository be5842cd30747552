"""Whether what a champion was made for still holds."""

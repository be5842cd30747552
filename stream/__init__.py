"""The streaming fraud scorer. See README.md for the map of its floors."""

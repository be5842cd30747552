"""The streaming fraud scorer; docs/architecture.md has the map of its packages."""

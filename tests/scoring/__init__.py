"""The decision itself, as specifications."""

"""Bundles, sessions, the store and roles, as specifications."""

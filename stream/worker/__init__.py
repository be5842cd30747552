"""The scoring worker: a Faust app around the scorer (floor 5)."""

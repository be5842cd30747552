"""The scoring worker: Faust agents around the decision (floor 5)."""

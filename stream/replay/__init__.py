"""Scoring history again: what another model would have decided, and whether a decision can be reproduced (floor 5)."""

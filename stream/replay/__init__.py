"""Replay (floor 5): shows what another model would have decided, and whether a decision can be reproduced."""

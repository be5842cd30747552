"""Replay (floor 5): what another model would have decided, and whether a decision can be reproduced."""

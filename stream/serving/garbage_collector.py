"""Python's collector of cycles, kept out of the way: neither a batch nor a request makes any."""

import gc

#: Allocations after which it looks, 700 by default: twenty looks at every batch of the worker's, which cost 7 % of the
#: processor's time and find nothing.
THRESHOLD = 100_000


def collect_seldom() -> None:
    """Let the collector look seldom, and never again at what is imported and built by now, for that stays."""
    gc.freeze()
    gc.set_threshold(THRESHOLD)

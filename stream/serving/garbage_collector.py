"""Makes Python's cyclic garbage collector run rarely, because neither batches nor requests create reference cycles."""

import gc

#: Allocations between two collections. Python's default, 700, means twenty collections in each of the worker's batches,
#: which take 7 % of the CPU time and free nothing.
THRESHOLD = 100_000


def relax_garbage_collector() -> None:
    """Make collections rare, and exempt all objects that exist now, because they live as long as the process."""
    gc.freeze()
    gc.set_threshold(THRESHOLD)

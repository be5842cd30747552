"""Makes Python's cyclic garbage collector run rarely, since neither batches nor requests create reference cycles."""

import gc

#: Allocations between two collections, 700 by default. The default means twenty collections in each of the worker's
#: batches, which cost 7 % of the processor time and free nothing.
THRESHOLD = 100_000


def relax_garbage_collector() -> None:
    """Collect rarely, and exempt all objects that exist now: they live as long as the process."""
    gc.freeze()
    gc.set_threshold(THRESHOLD)

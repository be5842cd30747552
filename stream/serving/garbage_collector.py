"""Settings of Python's cyclic garbage collector: neither a batch nor a request creates reference cycles."""

import gc

#: Allocations between two collections, 700 by default. The default means twenty collections for each of the worker's
#: batches, which cost 7 % of the processor time and find nothing.
THRESHOLD = 100_000


def relax_garbage_collector() -> None:
    """Collect rarely, and exclude everything that exists by now: it lives as long as the process."""
    gc.freeze()
    gc.set_threshold(THRESHOLD)

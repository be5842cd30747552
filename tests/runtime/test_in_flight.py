"""Counting the batches in flight, and waiting until a batch completes."""

import threading

from stream.runtime.in_flight import InFlight


def test_counts_batches_that_are_not_complete() -> None:
    """The length is the number of batches handed over minus the number of batches completed."""
    in_flight = InFlight()
    assert not in_flight
    in_flight.add()
    in_flight.add()
    in_flight.complete()
    assert (len(in_flight), in_flight.read, in_flight.done) == (1, 2, 1)


def test_waiting_ends_on_completion_on_timeout_or_on_the_other_condition() -> None:
    """Waiting returns True when a batch completes or the other condition is met, and False only on a timeout."""
    in_flight = InFlight()
    assert in_flight.wait_below(1, 0)
    in_flight.add()
    assert not in_flight.wait_below(1, 0.01)
    threading.Timer(0.05, in_flight.complete).start()
    assert in_flight.wait_below(1, 10)
    in_flight.add()
    stopping = threading.Event()

    def stop() -> None:
        stopping.set()
        in_flight.notify()

    threading.Timer(0.05, stop).start()
    assert in_flight.wait_below(1, 10, or_when=stopping.is_set)

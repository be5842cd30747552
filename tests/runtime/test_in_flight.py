"""The count of batches in hand, and waiting for one's turn."""

import threading

from stream.runtime.in_flight import InHand


def test_it_counts_what_is_not_settled() -> None:
    """Handed over and settled, and the difference."""
    in_hand = InHand()
    assert not in_hand
    in_hand.add()
    in_hand.add()
    in_hand.settle()
    assert (len(in_hand), in_hand.read, in_hand.done) == (1, 2, 1)


def test_waiting_ends_with_room_with_the_time_or_with_another_reason() -> None:
    """And says whether there is reason to go on."""
    in_hand = InHand()
    assert in_hand.wait_below(1, 0)
    in_hand.add()
    assert not in_hand.wait_below(1, 0.01)
    threading.Timer(0.05, in_hand.settle).start()
    assert in_hand.wait_below(1, 10)
    in_hand.add()
    stopping = threading.Event()

    def stop() -> None:
        stopping.set()
        in_hand.wake()

    threading.Timer(0.05, stop).start()
    assert in_hand.wait_below(1, 10, or_when=stopping.is_set)

"""Waiting for something to come true."""

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], timeout: float = 15.0) -> None:
    """Wait until something holds, `timeout` seconds at most."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"did not come true within {timeout:g} s"
        time.sleep(0.05)

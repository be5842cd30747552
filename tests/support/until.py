"""Wait for a condition."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], timeout: float = 15.0) -> None:
    """Wait until a condition holds; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {timeout:g} s"
        time.sleep(0.05)

"""A stack starts a broker and programs in order, and leaves nothing running. The broker and programs are fakes."""

from typing import Any
from unittest.mock import MagicMock

import pytest

from schemas.errors import FraudError
from stream.local.stack import Stack

EVENTS = ["start broker", "prepare", "start ledger", "start worker"]
READY = ["ledger ready in 5 s", "worker ready in 5 s"]
STOP = ["stop worker", "stop ledger", "stop broker"]


def stack(events: list[str], failing: str | None = None, ready_s: float | None = 5) -> Stack:
    """Return a stack that records what happens, and in which a program fails before it is ready."""

    def fake(name: str) -> Any:
        def wait_ready(timeout_s: float) -> None:
            if name == failing:
                raise FraudError(f"{name} exited")
            events.append(f"{name} ready in {timeout_s} s")

        part = MagicMock(wait_ready=wait_ready)
        part.__enter__.side_effect = lambda *_: events.append(f"start {name}")
        part.__exit__.side_effect = lambda *_: events.append(f"stop {name}")
        return part

    return Stack(fake("broker"), [fake("ledger"), fake("worker")], lambda: events.append("prepare"), ready_s=ready_s)


@pytest.mark.parametrize(("ready_s", "ready"), [(5, READY), (None, [])])
def test_programs_start_in_order_and_stop_in_reverse(ready_s: float | None, ready: list[str]) -> None:
    """Topics and models exist before a program starts; the broker stops after all programs."""
    events: list[str] = []
    with stack(events, ready_s=ready_s):
        assert events == EVENTS + ready
    assert events == EVENTS + ready + STOP


def test_a_program_that_does_not_become_ready_stops_everything() -> None:
    """The error reaches the caller, and what had started is stopped."""
    events: list[str] = []
    with pytest.raises(FraudError, match="worker exited"), stack(events, failing="worker"):
        pass
    assert events == EVENTS + READY[:1] + STOP

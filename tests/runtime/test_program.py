"""A program that does not stop in time exits anyway, with a code that says whether it failed."""

import asyncio
import logging
import os
from collections.abc import Callable

import pytest

from schemas.errors import KafkaError
from stream.runtime import program, watchdog
from stream.runtime.program import Program
from stream.runtime.watchdog import exit_now
from tests.support.until import until


class HangingProgram(Program):
    """A program whose shutdown hangs, as a call to a broker that is unavailable does, until it is released."""

    def __init__(self, begin: Callable[["HangingProgram"], None]) -> None:
        super().__init__()
        self._begin = begin
        self.released = False

    async def _start(self) -> None:
        self._begin(self)

    async def _shut_down(self) -> None:
        await asyncio.to_thread(until, lambda: self.released)


@pytest.mark.parametrize(("failure", "code"), [(None, 0), (KafkaError("the broker is gone"), 1)])
def test_a_shutdown_that_hangs_is_cut_short(
    failure: Exception | None, code: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a signal the exit code is 0, because unacknowledged batches are read again; after a failure it is 1."""
    monkeypatch.setattr(program, "STOP_S", 0.05)
    codes: list[int] = []

    async def run() -> None:
        hanging = HangingProgram(lambda each: each.stop(failure) if failure else each._stop_on_signal())

        def fake_exit(code: int) -> None:
            codes.append(code)
            hanging.released = True

        monkeypatch.setattr(os, "_exit", fake_exit)
        await hanging.run()

    if failure is None:
        asyncio.run(run())
    else:
        with pytest.raises(KafkaError, match="the broker is gone"):
            asyncio.run(run())
    assert codes == [code]
    assert "did not stop within 0.05 s; exiting now, and batches in flight will be read again" in caplog.text
    critical = [each.getMessage() for each in caplog.records if each.levelno == logging.CRITICAL]
    assert critical == ([str(failure)] if failure else [])


def test_a_failure_before_the_start_is_not_lost() -> None:
    """A program that is not running cannot be stopped: silence would hide the failure."""

    async def stop() -> None:
        hanging = HangingProgram(lambda _: None)
        try:
            hanging.stop(KafkaError("too early"))
        finally:
            hanging._stop_timer.cancel()  # which would end the process of the tests

    with pytest.raises(RuntimeError, match="the program is not running"):
        asyncio.run(stop())


def test_a_stuck_program_exits_without_waiting_for_its_threads(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A stuck program exits with a code of its own, after it has logged why."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    exit_now("no progress for 60 s")
    assert codes == [watchdog.EXIT_STUCK]
    assert "no progress for 60 s" in caplog.text

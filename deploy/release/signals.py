"""Signals that end a program, while a release is in progress."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from deploy.release.errors import ReleaseError

#: Ctrl-C, and the end of a workflow or a session.
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler = Callable[[int, FrameType | None], None] | signal.Handlers


@contextmanager
def signals_fail_the_step() -> Iterator[None]:
    """Let a signal fail the step in progress, so that the release is rolled back, instead of ending the program."""
    with _handled_by(_fail):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore signals: nothing should stop a rollback half way."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    # Python delivers signals to the main thread, and only that thread may set handlers.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _fail(number: int, _: FrameType | None) -> None:
    raise ReleaseError(f"stopped by {signal.Signals(number).name}")

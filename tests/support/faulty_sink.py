"""Sinks that fail, or wait, at the moment a test chooses."""

import threading
from collections.abc import Callable

from schemas.errors import BatchRefusedError
from stream.app import WorkerProgram, make_sink
from stream.kafka.batch import Batch
from stream.kafka.sink import Outputs, Sink
from stream.settings import Settings


class HookedSink:
    """Passes batches on to the sink the settings ask for, after `before` has had its say.

    Args:
        inner: Commits.
        before: Called with the number of the batch (from 0) before its commit; may wait, or raise.

    Attributes:
        refused: Text of each refusal, in order.
    """

    def __init__(self, inner: Sink, before: Callable[[int], None]) -> None:
        self._inner = inner
        self._before = before
        self._number = 0
        self.refused: list[str] = []

    def open(self) -> None:
        """Open the inner sink."""
        self._inner.open()

    def close(self) -> None:
        """Close the inner sink."""
        self._inner.close()

    def send(self, outputs: Outputs) -> None:
        """Pass on."""
        self._inner.send(outputs)

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Commit, unless `before` raises."""
        number, self._number = self._number, self._number + 1
        try:
            self._before(number)
            self._inner.commit(batch, outputs)
        except BatchRefusedError as error:
            self.refused.append(str(error))
            raise


def hooked_worker(settings: Settings, before: Callable[[int], None]) -> WorkerProgram:
    """Return a worker whose sink asks `before` first; it is the program's `sink`."""
    return WorkerProgram(
        settings, new_sink=lambda s, source, metrics: HookedSink(make_sink(s, source, metrics), before)
    )


def refusals(program: WorkerProgram) -> list[str]:
    """Return why a hooked_worker worker's batches were refused, in order."""
    assert isinstance(program.sink, HookedSink)
    return program.sink.refused


class Gate:
    """Holds one batch before its commit.

    Args:
        number: Of the batch, from 0.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self, number: int) -> None:
        """Wait at the chosen batch until opened, a minute at most."""
        if number == self._number:
            self._reached.set()
            self._opened.wait(60)

    def wait_reached(self) -> None:
        """Wait until the batch is there."""
        assert self._reached.wait(30), f"batch {self._number} was not scored within 30 s"

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()

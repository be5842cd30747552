"""Sinks that fail or wait at a moment chosen by the test."""

import threading
from collections.abc import Callable

from schemas.errors import BatchRefusedError
from stream.app import WorkerProgram, make_sink
from stream.kafka.batch import Batch
from stream.kafka.sink import Outputs, Sink
from stream.settings import Settings


class HookedSink:
    """Passes batches to an inner sink after calling a hook.

    Args:
        inner: Sink that commits the batches.
        before: Hook that is called with the number of the batch (from 0) before its commit; it may wait or raise.

    Attributes:
        refused: Error texts of the rejected batches, in order.
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
        """Pass the outputs on to the inner sink."""
        self._inner.send(outputs)

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Call the hook, and commit the batch unless the hook raises."""
        number, self._number = self._number, self._number + 1
        try:
            self._before(number)
            self._inner.commit(batch, outputs)
        except BatchRefusedError as error:
            self.refused.append(str(error))
            raise


def hooked_worker(settings: Settings, before: Callable[[int], None]) -> WorkerProgram:
    """Return a worker whose sink calls a hook with the number of each batch before its commit."""
    return WorkerProgram(
        settings, new_sink=lambda s, source, metrics: HookedSink(make_sink(s, source, metrics), before)
    )


def refusals(program: WorkerProgram) -> list[str]:
    """Return the reasons why batches of a worker from `hooked_worker` were rejected, in order."""
    assert isinstance(program.sink, HookedSink)
    return program.sink.refused


class CommitBarrier:
    """A hook that holds one batch before its commit.

    Args:
        number: Number of the batch, from 0.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._reached = threading.Event()
        self._released = threading.Event()

    def __call__(self, number: int) -> None:
        """Hold the chosen batch until it is released, for at most one minute."""
        if number == self._number:
            self._reached.set()
            self._released.wait(60)

    def wait_reached(self) -> None:
        """Wait until the batch is held."""
        assert self._reached.wait(30), f"batch {self._number} was not scored within 30 s"

    def release(self) -> None:
        """Let the batch be committed."""
        self._released.set()

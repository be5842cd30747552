"""A local broker and our programs, started and stopped together."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Self

from stream.local.broker import LocalBroker
from stream.local.program_process import READY_S, ProgramProcess


class Stack:
    """A broker and programs. As a context manager, it starts them on entry and stops them in reverse order on exit.

    Args:
        broker: The broker, not started yet.
        programs: The programs, in the order in which they start.
        prepare: Called after the broker and before any program has started, to create topics and publish models.
        ready_s: Seconds that the programs have to become ready; None to start them without waiting.
    """

    def __init__(
        self,
        broker: LocalBroker,
        programs: Sequence[ProgramProcess],
        prepare: Callable[[], object],
        *,
        ready_s: float | None = READY_S,
    ) -> None:
        self._broker = broker
        self._programs = programs
        self._prepare = prepare
        self._ready_s = ready_s
        self._started = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as starting:
            starting.enter_context(self._broker)
            self._prepare()
            for program in self._programs:
                starting.enter_context(program)
            if self._ready_s is not None:
                for program in self._programs:
                    program.wait_ready(self._ready_s)
            self._started = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

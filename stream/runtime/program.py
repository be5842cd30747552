"""The lifecycle of a program, which runs until a signal or its first failure, and stops within a time limit."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from abc import ABC, abstractmethod

log = logging.getLogger(__name__)

#: Exit code after a failure.
FAILED = 1
#: Maximum seconds from a signal or a failure to the end of the process. A call to a broker or a database that is
#: unavailable may take longer and cannot be interrupted; its batch is not acknowledged and will be read again.
STOP_S = 5.0


class Program(ABC):
    """A program, such as a worker or a ledger. Create it inside the event loop that it will run in."""

    def __init__(self) -> None:
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested = asyncio.Event()
        self._stop_timer = threading.Timer(STOP_S, self._exit_now)
        self._stop_timer.daemon = True

    @abstractmethod
    async def _start(self) -> None:
        """Start the program's clients, threads and agents."""

    @abstractmethod
    async def _shut_down(self) -> None:
        """Finish the batches in flight and release every resource."""

    async def run(self) -> None:
        """Run until a signal or a failure.

        Raises:
            FraudError: If a failure, rather than a signal, ended the program.
        """
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop_on_signal)
        await self._start()
        try:
            await self._stop_requested.wait()
        finally:
            await self._shut_down()
            self._stop_timer.cancel()
        if self._failure is not None:
            raise self._failure

    def stop(self, failure: BaseException) -> None:
        """End the program because of a failure; callable from any thread."""
        if self._failure is None:
            self._failure = failure
            self._start_stop_timer()
        self._running_loop().call_soon_threadsafe(self._stop_requested.set)

    def _stop_on_signal(self) -> None:
        self._start_stop_timer()
        self._stop_requested.set()

    def _start_stop_timer(self) -> None:
        with contextlib.suppress(RuntimeError):  # a thread starts only once, so only the first request to stop counts
            self._stop_timer.start()

    def _exit_now(self) -> None:
        """End the process without waiting for the call that blocks its shutdown."""
        log.warning("did not stop within %g s; exiting now, and batches in flight will be read again", STOP_S)
        if self._failure is not None:
            log.critical(self._failure)
        os._exit(0 if self._failure is None else FAILED)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the program is not running")
        return self._loop

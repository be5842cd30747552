"""A program's life: it runs until a signal or its first failure, and stopping takes no longer than a bound."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from abc import ABC, abstractmethod

log = logging.getLogger(__name__)

#: Exit code of what was ended by a failure.
FAILED = 1
#: Seconds from a signal or a failure to the end of the process at the latest. A call to a broker or a database that is
#: away may take longer, and nothing can interrupt it; what it was about is not acknowledged and will be read again.
STOP_S = 5.0


class Program(ABC):
    """A worker or a ledger, built but not running. Made inside the event loop it will run in."""

    def __init__(self) -> None:
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_wanted = asyncio.Event()
        self._backstop = threading.Timer(STOP_S, self._end_at_once)
        self._backstop.daemon = True

    @abstractmethod
    async def _start(self) -> None:
        """Begin to work."""

    @abstractmethod
    async def _shut_down(self) -> None:
        """Finish what is in hand and let go of everything."""

    async def run(self) -> None:
        """Run until a signal or a failure.

        Raises:
            FraudError: What ended the program, if it was not a signal.
        """
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop_on_signal)
        await self._start()
        try:
            await self._stop_wanted.wait()
        finally:
            await self._shut_down()
            self._backstop.cancel()
        if self._failure is not None:
            raise self._failure

    def stop(self, failure: BaseException) -> None:
        """End the program because of a failure; callable from any thread."""
        if self._failure is None:
            self._failure = failure
            self._limit_stop()
        self._running_loop().call_soon_threadsafe(self._stop_wanted.set)

    def _stop_on_signal(self) -> None:
        self._limit_stop()
        self._stop_wanted.set()

    def _limit_stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # a thread starts once: the first reason to stop counts
            self._backstop.start()

    def _end_at_once(self) -> None:
        """End the process without waiting for whatever holds it."""
        log.warning("not stopped within %g s; what was in hand will be read again", STOP_S)
        if self._failure is not None:
            log.critical(self._failure)
        os._exit(0 if self._failure is None else FAILED)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the program is not running")
        return self._loop

"""Keep the console's state up to date from Kafka, and send every change to the open pages."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from schemas.errors import KafkaError
from stream.http.console.console_state import ConsoleEvent, ConsoleState
from stream.kafka.newest_messages import NewestMessages
from stream.runtime.background import Background
from stream.runtime.readiness import Problem
from stream.settings import KafkaSettings, TopicSettings

log = logging.getLogger(__name__)

#: Maximum number of events queued for a page that reads slowly. A full queue is replaced by a snapshot.
MAX_QUEUED_EVENTS = 1000
#: Seconds without an event after which a page is sent a keep-alive. Proxies close connections idle for a minute.
KEEP_ALIVE_S = 15.0
#: Maximum number of open pages.
MAX_PAGES = 200
#: Number of messages after which the reading thread waits for the event loop, which has transactions to decide.
MESSAGES_AHEAD = 20
#: Seconds between checks for a request to stop.
STOP_CHECK_S = 0.2
#: Seconds between checks whether the program is ready.
STATUS_CHECK_S = 0.5
#: Seconds between attempts to reconnect while Kafka is unavailable.
RETRY_S = 2.0


class EventFeed(Background):
    """Follows the console's topics on a thread, and feeds the open pages on the event loop.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        problems: Returns the reasons why the program is not ready; empty when it is ready.
    """

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings, problems: Callable[[], Sequence[Problem]]) -> None:
        super().__init__("console-feed")
        self._kafka = kafka
        self._problems = problems
        self._state = ConsoleState(topics)
        self._pages: set[asyncio.Queue[ConsoleEvent]] = set()

    def start(self) -> None:
        """Start following the topics. Call this method on the event loop that serves the pages."""
        self._loop = asyncio.get_running_loop()
        self._check_status()
        super().start()

    @property
    def full(self) -> bool:
        """Whether the maximum number of console pages is open."""
        return len(self._pages) >= MAX_PAGES

    async def events(self) -> AsyncIterator[ConsoleEvent | None]:
        """Yield a snapshot event, then an event for each change, and None as a keep-alive."""
        page: asyncio.Queue[ConsoleEvent] = asyncio.Queue(MAX_QUEUED_EVENTS)
        with self._open(page):
            yield self._snapshot()
            while True:
                if page.full():
                    while not page.empty():
                        page.get_nowait()
                    yield self._snapshot()
                try:
                    yield await asyncio.wait_for(page.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield None

    def _snapshot(self) -> ConsoleEvent:
        return self._state.snapshot(time.time_ns() // 1_000_000)

    @contextlib.contextmanager
    def _open(self, page: asyncio.Queue[ConsoleEvent]) -> Iterator[None]:
        self._pages.add(page)
        try:
            yield
        finally:
            self._pages.discard(page)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except KafkaError as error:
                log.warning("the console is waiting for Kafka: %s", error)
            except Exception:  # predictions must continue, whatever fails here
                log.exception("the console's feed failed; restarting it")
            self._stopping.wait(RETRY_S)

    def _follow(self) -> None:
        reader = NewestMessages(self._kafka, self._state.topics)
        try:
            for count, (topic, value) in enumerate(reader.follow(until=self._stopping.is_set)):
                if (message := self._state.decode(topic, value)) is not None:
                    self._loop.call_soon_threadsafe(self._add, topic, message)
                if count % MESSAGES_AHEAD == 0:
                    self._wait_for_loop()
        finally:
            reader.close()

    def _wait_for_loop(self) -> None:
        """Wait until the event loop has handled all messages so far, so that messages do not pile up."""
        handled = threading.Event()
        self._loop.call_soon_threadsafe(handled.set)
        while not handled.wait(STOP_CHECK_S) and not self._stopping.is_set():
            pass

    def _add(self, topic: str, message: Any) -> None:
        self._send(self._state.add(topic, message))

    def _check_status(self) -> None:
        if self._stopping.is_set():
            return
        if (event := self._state.set_problems(self._problems())) is not None:
            self._send(event)
        self._loop.call_later(STATUS_CHECK_S, self._check_status)

    def _send(self, event: ConsoleEvent) -> None:
        for page in self._pages:
            if not page.full():
                page.put_nowait(event)

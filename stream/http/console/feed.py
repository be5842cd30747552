"""The board kept up to date by a thread, and everybody with an open page told of each change."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from schemas.errors import KafkaError
from stream.http.console.board import Board, Event
from stream.kafka.newest_messages import NewestMessages
from stream.runtime.background import Background
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Events that wait for a page that reads too slowly; beyond, it gets everything anew.
WAITING_MAX = 1000
#: Seconds without an event after which a page is sent a sign of life: proxies end what is silent for a minute.
SIGN_S = 15.0
#: Pages open at once.
PAGES_MAX = 200
#: Messages that are read ahead of the loop, which has transactions to decide.
AHEAD = 20
#: Seconds between two looks whether to stop.
LOOK_S = 0.2
#: Seconds between two tries while Kafka is away.
AGAIN_S = 2.0


class Feed(Background):
    """Follows the topics and tells pages.

    Args:
        settings: Addresses, names of topics.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("console-feed")
        self._settings = settings
        self._board = Board(settings)
        self._pages: set[asyncio.Queue[Event]] = set()

    def start(self) -> None:
        """Begin to follow. Inside the event loop, where pages will be told."""
        self._loop = asyncio.get_running_loop()
        super().start()

    @property
    def full(self) -> bool:
        """Whether no further page may be opened."""
        return len(self._pages) >= PAGES_MAX

    async def events(self) -> AsyncIterator[Event | None]:
        """Yield everything that is shown, then each change; None as a sign of life."""
        page: asyncio.Queue[Event] = asyncio.Queue(WAITING_MAX)
        with self._open(page):
            yield self._board.everything()
            while True:
                if page.full():
                    while not page.empty():
                        page.get_nowait()
                    yield self._board.everything()
                try:
                    yield await asyncio.wait_for(page.get(), SIGN_S)
                except TimeoutError:
                    yield None

    @contextlib.contextmanager
    def _open(self, page: asyncio.Queue[Event]) -> Iterator[None]:
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
                log.warning("the console waits: %s", error)
            except Exception:  # scoring goes on, whatever ails the page
                log.exception("the console begins anew")
            self._stopping.wait(AGAIN_S)

    def _follow(self) -> None:
        reader = NewestMessages(self._settings, self._board.topics)
        try:
            for count, (topic, value) in enumerate(reader.follow(until=self._stopping.is_set)):
                if (message := self._board.read(topic, value)) is not None:
                    self._loop.call_soon_threadsafe(self._take, topic, message)
                if count % AHEAD == 0:
                    self._await_loop()
        finally:
            reader.close()

    def _await_loop(self) -> None:
        """Wait until the loop has come to this: what is read must not pile up before it."""
        there = threading.Event()
        self._loop.call_soon_threadsafe(there.set)
        while not there.wait(LOOK_S) and not self._stopping.is_set():
            pass

    def _take(self, topic: str, message: Any) -> None:
        event = self._board.show(topic, message)
        for page in self._pages:
            if not page.full():
                page.put_nowait(event)

"""The ledger program: the one place that knows how its parts fit together."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stream.clock import Clock, SystemClock
from stream.kafka.channel import BatchChannel
from stream.kafka.faust_app import WithoutKafka, make_app
from stream.kafka.pages import add_pages
from stream.kafka.ports import require_free_port
from stream.kafka.sink import AtLeastOnceSink
from stream.kafka.stored_source import StoredSource
from stream.kafka.topics import require_topics
from stream.ledger.database import migrate, open_engine
from stream.ledger.health import LedgerHealth
from stream.ledger.kinds import Kind, all_kinds
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.newest import ParityGap, observer
from stream.ledger.outage import Outage
from stream.ledger.pipeline import LedgerPipeline
from stream.ledger.referee import Referee
from stream.ledger.service import add_agent, add_referee, add_retention
from stream.ledger.store import LedgerStore
from stream.settings import Settings

#: Exit code of what was ended by a failure.
FAILED = 1
#: Seconds from a signal or a failure to the end of the process at the latest; what was in hand is read again.
STOP_S = 5.0

log = logging.getLogger(__name__)


class LedgerProgram:
    """A ledger, built but not running. Made inside the event loop it will run in.

    Args:
        settings: Addresses, topics, database.
        clock: Ingest time; the machine's by default.
        parity_gap: Scores challengers again; without it nothing is judged.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        parity_gap: ParityGap | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_wanted = asyncio.Event()
        self._backstop = threading.Timer(STOP_S, self._end_at_once)
        self._backstop.daemon = True
        self._directory = tempfile.TemporaryDirectory(prefix="fraud-ledger-")
        self.engine = open_engine(settings.ledger_url)
        self.metrics = LedgerMetrics()
        self.outage = Outage()
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self.store = LedgerStore(self.engine, settings, self._clock, self.outage, owner)
        self._letters = AtLeastOnceSink(settings, lambda _: None)  # the offsets go with the rows
        self._writing = ThreadPoolExecutor(1, "writing")
        self.app = make_app(
            settings,
            Path(self._directory.name),
            name=settings.ledger_group,
            web_port=settings.ledger_web_port,
            boot=WithoutKafka,
        )
        self.pipelines = [self._pipeline(kind) for kind in all_kinds(settings)]
        self.health = LedgerHealth(settings, self.pipelines, self.outage, self.metrics, on_error=self.stop)
        add_retention(
            self.app,
            settings,
            engine=self.engine,
            outage=self.outage,
            clock=self._clock,
            metrics=self.metrics,
            writing=self._writing,
        )
        self._judging = ThreadPoolExecutor(1, "judging")
        if parity_gap is not None:
            referee = Referee(self.engine, settings, self._clock, observer(self.engine, parity_gap))
            add_referee(
                self.app,
                settings,
                referee=referee,
                outage=self.outage,
                metrics=self.metrics,
                judging=self._judging,
            )
        add_pages(self.app, self.metrics.registry, self.health.problems)

    async def run(self) -> None:
        """Run until a signal or a failure.

        Raises:
            FraudError: What ended the ledger, if it was not a signal.
        """
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop_on_signal)
        await asyncio.to_thread(self._get_ready)
        await self.app.start()
        # Last: by now the agents listen.
        for each in self.pipelines:
            each.source.read(on=True)
            each.source.start()
        self.health.start()
        try:
            await self._stop_wanted.wait()
        finally:
            await self._shut_down()
            self._backstop.cancel()
        if self._failure is not None:
            raise self._failure

    def stop(self, failure: BaseException) -> None:
        """End the ledger because of a failure; callable from any thread."""
        if self._failure is None:
            self._failure = failure
            self._limit_stop()
        self._running_loop().call_soon_threadsafe(self._stop_wanted.set)

    def _pipeline(self, kind: Kind[Any]) -> LedgerPipeline:
        channel = BatchChannel(self.app)
        source = StoredSource(
            self._settings,
            self.store,
            lambda batch: channel.offer(batch, self._running_loop()),
            self.stop,
            topic=kind.topic,
            group=f"{self._settings.ledger_group}-{kind.topic}",
        )
        pipeline = LedgerPipeline(
            kind=kind,
            source=source,
            store=self.store,
            letters=self._letters,
            letters_topic=self._settings.topic_dead_letters,
            metrics=self.metrics,
            clock=self._clock,
            stop=self.stop,
        )
        add_agent(self.app, channel, pipeline, self._writing)
        return pipeline

    def _get_ready(self) -> None:
        require_topics(self._settings)
        require_free_port(self._settings.web_host, self._settings.ledger_web_port, "FRAUD_LEDGER_WEB_PORT")
        migrate(self.engine)
        self._letters.open()

    async def _shut_down(self) -> None:
        # Finishes the batches in hand, so the agents and the event loop must still live.
        await asyncio.gather(*(asyncio.to_thread(each.source.stop) for each in self.pipelines))
        self._letters.close()
        await self.app.stop()
        self._writing.shutdown()
        self._judging.shutdown(wait=False, cancel_futures=True)  # what it reads, the next look reads again
        await asyncio.to_thread(self.health.stop)
        self.engine.dispose()
        self._directory.cleanup()

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
            raise RuntimeError("the ledger is not running")
        return self._loop


async def run_ledger(settings: Settings, parity_gap: ParityGap) -> None:
    """Build a ledger that judges challengers inside the running event loop, and run it.

    Raises:
        FraudError: What ended it, if it was not a signal.
    """
    await LedgerProgram(settings, parity_gap=parity_gap).run()

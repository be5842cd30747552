"""The ledger program: the one place that knows how its parts fit together."""

import asyncio
import os
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stream.clock import Clock, SystemClock
from stream.kafka.sink import AtLeastOnceSink
from stream.kafka.stored_source import StoredSource
from stream.kafka.topics import require_topics
from stream.ledger.alert_webhook import AlertRecorder, add_alert_webhook
from stream.ledger.challenger_health import ParityGap, observer
from stream.ledger.database import migrate, open_engine
from stream.ledger.gate_runner import GateRunner
from stream.ledger.message_kinds import Kind, all_message_kinds
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.pipeline import LedgerPipeline
from stream.ledger.quality_monitor import QualityMonitor
from stream.ledger.service import add_agent, add_quality, add_referee, add_retention
from stream.ledger.store import LedgerStore
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.faust_app import WithoutKafka, make_app
from stream.runtime.outage import Outage
from stream.runtime.ports import require_free_port
from stream.runtime.program import Program
from stream.runtime.store_watchdog import StoredHealth
from stream.runtime.web_pages import add_pages
from stream.settings import Settings


class LedgerProgram(Program):
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
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(prefix="fraud-ledger-")
        self.engine = open_engine(settings.ledger.url)
        self.metrics = LedgerMetrics()
        self.outage = Outage("the ledger database")
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self.store = LedgerStore(self.engine, settings, self._clock, self.outage, owner)
        self._letters = AtLeastOnceSink(settings, lambda _: None)  # the offsets go with the rows
        self._writing = ThreadPoolExecutor(1, "writing")
        self.app = make_app(
            settings,
            Path(self._directory.name),
            name=settings.ledger.group,
            web_port=settings.ledger.web_port,
            boot=WithoutKafka,
        )
        self.pipelines = [self._pipeline(kind) for kind in all_message_kinds(settings)]
        self.health = StoredHealth(
            settings,
            {each.kind.name: each.source for each in self.pipelines},
            self.outage,
            self.metrics,
            on_error=self.stop,
        )
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
            referee = GateRunner(self.engine, settings, self._clock, observer(self.engine, parity_gap))
            add_referee(
                self.app,
                settings,
                referee=referee,
                outage=self.outage,
                metrics=self.metrics,
                judging=self._judging,
            )
        add_quality(
            self.app,
            settings,
            watch=QualityMonitor(self.engine, settings, self._clock),
            outage=self.outage,
            metrics=self.metrics,
            judging=self._judging,
        )
        add_pages(self.app, self.metrics.registry, self.health.problems)
        add_alert_webhook(self.app, AlertRecorder(self.engine, self._clock, self.metrics), self._writing)

    async def _start(self) -> None:
        await asyncio.to_thread(self._get_ready)
        await self.app.start()
        # Last: by now the agents listen.
        for each in self.pipelines:
            each.source.read(on=True)
            each.source.start()
        self.health.start()

    def _pipeline(self, kind: Kind[Any]) -> LedgerPipeline:
        channel = BatchChannel(self.app)
        source = StoredSource(
            self._settings,
            self.store,
            lambda batch: channel.offer(batch, self._running_loop()),
            self.stop,
            topic=kind.topic,
            group=f"{self._settings.ledger.group}-{kind.topic}",
        )
        pipeline = LedgerPipeline(
            kind=kind,
            source=source,
            store=self.store,
            letters=self._letters,
            letters_topic=self._settings.topic.dead_letters,
            metrics=self.metrics,
            clock=self._clock,
            stop=self.stop,
        )
        add_agent(self.app, channel, pipeline, self._writing)
        return pipeline

    def _get_ready(self) -> None:
        require_topics(self._settings)
        require_free_port(self._settings.web.host, self._settings.ledger.web_port, "FRAUD_LEDGER_WEB_PORT")
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


async def run_ledger(settings: Settings, parity_gap: ParityGap) -> None:
    """Build a ledger that judges challengers inside the running event loop, and run it.

    Raises:
        FraudError: What ended it, if it was not a signal.
    """
    await LedgerProgram(settings, parity_gap=parity_gap).run()

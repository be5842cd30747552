"""The ledger program: builds and connects the parts of the ledger."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stream.clock import Clock
from stream.kafka.sink import AtLeastOnceSink
from stream.ledger.alert_webhook import AlertRecorder, add_alert_webhook
from stream.ledger.challenger_health import ParityGap, health_meter
from stream.ledger.database import open_engine
from stream.ledger.gate_runner import GateRunner
from stream.ledger.message_kinds import MessageKind, all_message_kinds
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.migrate import migrate
from stream.ledger.pipeline import LedgerPipeline
from stream.ledger.quality_monitor import QualityMonitor
from stream.ledger.service import add_agent, add_gate_runner, add_quality_monitor, add_retention
from stream.ledger.store import LedgerStore
from stream.runtime.outage import Outage
from stream.runtime.store_program import StoreProgram
from stream.runtime.store_watchdog import StoreWatchdog
from stream.runtime.web_pages import add_pages
from stream.settings import Settings


class LedgerProgram(StoreProgram):
    """A ledger that has not been started yet. Create it inside the event loop in which it will run.

    Args:
        settings: Settings for the Kafka connection, the topic names and the database.
        clock: Source of ingest time; None for the system clock.
        parity_gap: Function that returns the largest difference between a challenger's live scores and scores computed
            again from the same transactions; None to run without a gate.

    Raises:
        LedgerError: If FRAUD_LEDGER_URL does not name a database that a ledger can use.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        parity_gap: ParityGap | None = None,
    ) -> None:
        super().__init__(settings, clock, name="ledger", group=settings.ledger.group, web_port=settings.ledger.web_port)
        self.engine = open_engine(settings.ledger.url)
        self.metrics = LedgerMetrics()
        self.outage = Outage("the ledger database")
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self.store = LedgerStore(self.engine, settings.watermark, self._clock, self.outage, owner)
        self._dead_letters = AtLeastOnceSink(settings.kafka, lambda _: None)  # offsets are committed with the rows
        self._evaluating = ThreadPoolExecutor(1, "evaluating")
        self.pipelines = [self._make_pipeline(kind) for kind in all_message_kinds(settings.topic)]
        self.health = StoreWatchdog(
            settings.kafka.watchdog_s,
            {pipeline.kind.name: pipeline.source for pipeline in self.pipelines},
            self.outage,
            self.metrics,
            on_error=self.stop,
        )
        self._add_timers(parity_gap)
        add_pages(self.app, self.metrics.registry, self.health.problems)
        add_alert_webhook(self.app, AlertRecorder(self.engine, self._clock, self.metrics), self._writing)

    def _make_pipeline(self, kind: MessageKind[Any]) -> LedgerPipeline:
        channel, source = self._make_source(kind.topic, self.store)
        pipeline = LedgerPipeline(
            kind=kind,
            source=source,
            store=self.store,
            dead_letters=self._dead_letters,
            dead_letters_topic=self._settings.topic.dead_letters,
            metrics=self.metrics,
            clock=self._clock,
            stop=self.stop,
        )
        add_agent(self.app, channel, pipeline, self._writing)
        return pipeline

    def _add_timers(self, parity_gap: ParityGap | None) -> None:
        add_retention(
            self.app,
            self._settings.ledger.retention_days,
            engine=self.engine,
            outage=self.outage,
            clock=self._clock,
            metrics=self.metrics,
            writing=self._writing,
        )
        if parity_gap is not None:
            measure_health = health_meter(self.engine, parity_gap)
            add_gate_runner(
                self.app,
                self._settings.gate.interval_s,
                gate_runner=GateRunner(self.engine, self._settings.gate, self._clock, measure_health),
                outage=self.outage,
                metrics=self.metrics,
                evaluating=self._evaluating,
            )
        add_quality_monitor(
            self.app,
            self._settings.gate.interval_s,
            quality_monitor=QualityMonitor(self.engine, self._settings, self._clock),
            outage=self.outage,
            metrics=self.metrics,
            evaluating=self._evaluating,
        )

    def _prepare(self) -> None:
        super()._prepare()
        migrate(self.engine)
        self._dead_letters.open()

    def _on_sources_stopped(self) -> None:
        self._dead_letters.close()

    async def run(self) -> None:
        """Run until a signal or a failure; see `Program.run`."""
        try:
            await super().run()
        finally:
            self.engine.dispose()

    async def _shut_down(self) -> None:
        await super()._shut_down()
        # An evaluation that is cut short has only read rows; the next evaluation reads the same rows again.
        self._evaluating.shutdown(wait=False, cancel_futures=True)


async def run_ledger(settings: Settings, parity_gap: ParityGap) -> None:
    """Build a ledger that runs the gate, inside the running event loop, and run it until it is stopped.

    Raises:
        FraudError: If an error, rather than a signal, ended the ledger.
    """
    await LedgerProgram(settings, parity_gap=parity_gap).run()

"""The ledger's Faust agents and timers: writing, retention, the gate and the quality monitor."""

import asyncio
import logging
from concurrent.futures import Executor
from typing import Any

import faust
from sqlalchemy import Engine

from schemas.errors import FraudError, LedgerUnavailableError
from stream.clock import Clock
from stream.ledger.gate_runner import DAY_MS, GateRunner
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.pipeline import LedgerPipeline
from stream.ledger.quality_monitor import QualityMonitor
from stream.ledger.retention import delete_chunk
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.outage import Outage

log = logging.getLogger(__name__)

#: Seconds between two searches for expired rows.
RETENTION_S = 60.0


def add_agent(app: faust.App, channel: BatchChannel, pipeline: LedgerPipeline, writing: Executor) -> None:
    """Add the agent that writes one kind of message.

    All agents share one writing thread: SQLite has a single writer, and the event loop never blocks.
    """

    @app.agent(channel, name=f"write-{pipeline.kind.name}")
    async def write(batches: Any) -> None:
        loop = asyncio.get_running_loop()
        async for batch in batches:
            await loop.run_in_executor(writing, pipeline.process, batch)


def add_retention(
    app: faust.App,
    retention_days: int,
    *,
    engine: Engine,
    outage: Outage,
    clock: Clock,
    metrics: LedgerMetrics,
    writing: Executor,
) -> None:
    """Add the timer that deletes expired rows, one chunk at a time between the batches."""

    def delete_some() -> int:
        with outage.track("retention"):
            deleted = delete_chunk(engine, clock.now_ms() - retention_days * DAY_MS)
        for table, rows in deleted.items():
            metrics.count_deleted(table, rows)
        return sum(deleted.values())

    @app.timer(RETENTION_S, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def delete_old() -> None:
        loop = asyncio.get_running_loop()
        try:
            while await loop.run_in_executor(writing, delete_some):
                pass
        except LedgerUnavailableError:
            # The outage itself is logged already.
            log.debug("expired rows are not deleted while the database is unavailable")


def add_gate_runner(
    app: faust.App,
    interval_s: float,
    *,
    gate_runner: GateRunner,
    outage: Outage,
    metrics: LedgerMetrics,
    evaluating: Executor,
) -> None:
    """Add the timer that runs the gate, on its own thread because it reads many rows and waits for Kafka."""

    def evaluate() -> None:
        with outage.track("gate"):
            metrics.show_gate(gate_runner.evaluate())

    @app.timer(interval_s, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def evaluate_challengers() -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(evaluating, evaluate)
        except FraudError as error:
            # Nothing was stored. Rows are still being written, and the next evaluation starts from scratch.
            log.warning("challengers were not evaluated: %s", error)


def add_quality_monitor(
    app: faust.App,
    interval_s: float,
    *,
    quality_monitor: QualityMonitor,
    outage: Outage,
    metrics: LedgerMetrics,
    evaluating: Executor,
) -> None:
    """Add the timer that measures every model's quality, on the gate's thread, as it also reads many rows."""

    def measure() -> None:
        with outage.track("quality"):
            quality = quality_monitor.measure()
        if quality is not None:
            metrics.show_quality(quality)

    @app.timer(interval_s, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def measure_models() -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(evaluating, measure)
        except FraudError as error:
            log.warning("model quality was not measured, so the last values remain: %s", error)

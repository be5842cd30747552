"""The ledger as a Faust app: an agent for each kind of message, timers that delete what is old, judge and measure."""

import asyncio
import logging
from concurrent.futures import Executor
from typing import Any

import faust
from sqlalchemy import Engine

from schemas.errors import FraudError, LedgerAwayError
from stream.clock import Clock
from stream.ledger.gate_runner import Referee
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.pipeline import LedgerPipeline
from stream.ledger.quality_watch import QualityWatch
from stream.ledger.retention import delete_chunk
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.outage import Outage
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds between two looks for old rows.
RETENTION_S = 60.0
DAY_MS = 24 * 60 * 60 * 1000


def add_agent(app: faust.App, channel: BatchChannel, pipeline: LedgerPipeline, writing: Executor) -> None:
    """Add the agent that writes one kind of message.

    All agents share one writing thread: SQLite has one writer, and the event loop (web) never stalls.
    """

    @app.agent(channel, name=f"write-{pipeline.kind.name}")
    async def write(batches: Any) -> None:
        loop = asyncio.get_running_loop()
        async for batch in batches:
            await loop.run_in_executor(writing, pipeline.settle, batch)


def add_retention(
    app: faust.App,
    settings: Settings,
    *,
    engine: Engine,
    outage: Outage,
    clock: Clock,
    metrics: LedgerMetrics,
    writing: Executor,
) -> None:
    """Add the timer that deletes old rows, a chunk at a time between the batches."""

    def delete_some() -> int:
        with outage.watched("retention"):
            deleted = delete_chunk(engine, clock.now_ms() - settings.ledger.retention_days * DAY_MS)
        for kind, rows in deleted.items():
            metrics.deleted(kind, rows)
        return sum(deleted.values())

    @app.timer(RETENTION_S, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def delete_old() -> None:
        loop = asyncio.get_running_loop()
        try:
            while await loop.run_in_executor(writing, delete_some):
                pass
        except LedgerAwayError:
            log.debug("old rows stay until the next look")  # the outage itself is told already


def add_referee(
    app: faust.App, settings: Settings, *, referee: Referee, outage: Outage, metrics: LedgerMetrics, judging: Executor
) -> None:
    """Add the timer that judges challengers, on a thread of its own: it reads much and waits for Kafka."""

    def look() -> None:
        with outage.watched("referee"):
            metrics.ruled(referee.look())

    @app.timer(settings.gate.interval_s, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def judge_challengers() -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(judging, look)
        except FraudError as error:
            # Whatever it was, nothing was kept; the rows go on being written, and the next look begins anew.
            log.warning("challengers were not judged: %s", error)


def add_quality(
    app: faust.App,
    settings: Settings,
    *,
    watch: QualityWatch,
    outage: Outage,
    metrics: LedgerMetrics,
    judging: Executor,
) -> None:
    """Add the timer that measures how good every model has been, on the referee's thread: it reads much as well."""

    def look() -> None:
        with outage.watched("quality"):
            found = watch.look()
        if found is not None:
            metrics.measured(found)

    @app.timer(settings.gate.interval_s, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def measure_models() -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(judging, look)
        except FraudError as error:
            log.warning("models were not measured, the last figures stay: %s", error)

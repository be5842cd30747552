"""The scoring worker as a Faust app: an agent on the batch channel, and timers for drift counts and status."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, Literal

import faust

from schemas.messages import WorkerStatus, encode
from stream.kafka.source import BatchSource
from stream.runtime.batch_channel import BatchChannel
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import traced
from stream.settings import Settings
from stream.worker.health import WorkerHealth
from stream.worker.pipeline import Pipeline

log = logging.getLogger(__name__)

#: Seconds to wait for a status to be sent; short, so that a stop is not delayed while the broker is unavailable.
SEND_S = 1.0


def add_agent(
    app: faust.App, channel: BatchChannel, pipeline: Pipeline, scoring: Executor, committing: Executor
) -> None:
    """Add the scoring agent.

    Scoring and committing each run on their own thread, so the event loop (status, web) is never blocked, and a batch
    is scored while the previous batch is committed. The agent itself never raises, because Faust would then acknowledge
    the batch and continue with the next.
    """

    @app.agent(channel, name="score-transactions")
    async def score_transactions(batches: Any) -> None:
        loop = asyncio.get_running_loop()
        committing_batch: asyncio.Future[None] | None = None
        async for batch in batches:
            work = await loop.run_in_executor(scoring, traced, "score", pipeline.score, batch, len(batch))
            if committing_batch is not None:
                await committing_batch
            committing_batch = (
                loop.run_in_executor(committing, traced, "commit", pipeline.commit, work, len(batch))
                if work is not None
                else None
            )


def add_drift_timer(app: faust.App, interval_s: float, pipeline: Pipeline, committing: Executor) -> None:
    """Add the timer that sends drift counts while no batch is committed."""

    @app.timer(interval_s, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def send_drift() -> None:
        await asyncio.get_running_loop().run_in_executor(committing, pipeline.send_drift)


def add_status(
    app: faust.App, settings: Settings, source: BatchSource, roles: RoleFollower, health: WorkerHealth
) -> Callable[[], Awaitable[None]]:
    """Add the timer that publishes worker-status.

    Returns:
        A function that publishes the final status, `stopped`, which stays on the topic because the topic is compacted.
    """
    topic = app.topic(settings.topic.worker_status, key_type=bytes, value_type=bytes, value_serializer="raw")

    @app.timer(settings.worker.status_interval_s, on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def publish_status() -> None:
        scorer = roles.scorer
        await publish("waiting" if scorer is None else "unready" if health.problems() else "ready")

    async def publish_stopped() -> None:
        await publish("stopped")

    async def publish(state: Literal["waiting", "ready", "unready", "stopped"]) -> None:
        scorer = roles.scorer
        status = WorkerStatus(
            slot=settings.kafka.slot,
            state=state,
            role_epoch=scorer.roles.epoch if scorer else 0,
            champion=scorer.roles.champion.model.manifest.version if scorer else None,
            challengers=tuple(each.model.manifest.version for each in scorer.roles.challengers) if scorer else (),
            refused=roles.refused,
            partitions=source.assigned,
            lag=health.lag,
            written_at_ms=time.time_ns() // 1_000_000,
        )
        try:
            await asyncio.wait_for(topic.send(key=settings.kafka.slot.encode(), value=encode(status)), SEND_S)
        except Exception as error:  # noqa: BLE001 - aiokafka's errors have no common root; the next status follows soon
            log.warning("cannot send the worker status: %s", error)

    return publish_stopped

"""The composition root of the worker: builds the components and connects them."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from stream.control.drift_monitor import DriftMonitor
from stream.control.manifests import Manifests
from stream.control.rollback_monitor import RollbackMonitor
from stream.kafka.counts_publisher import FLUSH_S, CountsPublisher
from stream.kafka.sink import AtLeastOnceSink, Sink
from stream.kafka.source import BatchSource
from stream.kafka.topics import require_topics
from stream.kafka.transactional_sink import TransactionalSink
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.faust_app import data_directory, make_app
from stream.runtime.ports import require_free_port
from stream.runtime.program import Program
from stream.runtime.web_pages import add_pages
from stream.serving.drift_outbox import DriftOutbox
from stream.serving.garbage_collector import relax_garbage_collector
from stream.serving.role_counter import RoleCounter
from stream.serving.role_follower import RoleFollower
from stream.settings import Settings
from stream.worker.health import WorkerHealth
from stream.worker.metrics import WorkerMetrics
from stream.worker.pipeline import Pipeline
from stream.worker.service import add_agent, add_drift_timer, add_status

MakeSink = Callable[[Settings, BatchSource, WorkerMetrics], Sink]


def make_sink(settings: Settings, source: BatchSource, metrics: WorkerMetrics) -> Sink:
    """Return the sink for the delivery guarantee in the settings."""
    if settings.worker.delivery == "exactly_once":
        return TransactionalSink(settings.kafka, settings.worker, settings.topic.decisions, metrics.aborted)
    return AtLeastOnceSink(settings.kafka, source.commit)


class WorkerProgram(Program):
    """A scoring worker, built but not yet started.

    Args:
        settings: All settings.
        new_sink: Factory of the sink.
        loader: Loader of bundles; None to load from the bundle store in the settings.
    """

    def __init__(self, settings: Settings, *, new_sink: MakeSink = make_sink, loader: RoleLoader | None = None) -> None:
        self._settings = settings
        super().__init__()
        self.metrics = WorkerMetrics()
        self.app = make_app(settings.kafka, settings.web)
        channel = BatchChannel(self.app)
        self.source = BatchSource(
            settings.kafka,
            lambda batch: channel.offer(batch, self._running_loop()),
            self.stop,
            topic=settings.topic.transactions,
            group=settings.kafka.group,
        )
        store = BundleStore(settings.bundle.store)
        self.drift = DriftOutbox(settings.kafka.slot, settings.drift, settings.watermark, self.stop)
        self.roles = RoleFollower(
            settings.kafka,
            settings.topic.model_updates,
            settings.scoring,
            loader or RoleLoader(store),
            self.metrics.roles,
            on_change=lambda decides: self.source.set_reading(enabled=decides),
            on_error=self.stop,
            prepare=self.drift.prepare,
        )
        self.sink = new_sink(settings, self.source, self.metrics)
        self.health = WorkerHealth(settings.kafka.watchdog_s, self.source, self.roles, self.metrics, on_error=self.stop)
        counts = RoleCounter(settings.kafka.slot)
        self.publisher = CountsPublisher(
            settings.kafka, settings.topic.role_counts, settings.rollback.interval_s, counts.take
        )
        self.rollback_monitor = RollbackMonitor(settings, self.metrics.rollback)
        manifests = Manifests(settings.kafka, settings.topic, store)
        self.drift_monitor = DriftMonitor(settings, manifests, self.metrics.drift)
        self.pipeline = Pipeline(
            topics=settings.topic,
            max_unscorable_per_minute=settings.worker.max_unscorable_per_minute,
            source=self.source,
            roles=self.roles,
            sink=self.sink,
            metrics=self.metrics,
            counts=counts,
            drift=self.drift,
            stop=self.stop,
        )
        self._scoring = ThreadPoolExecutor(1, "scoring")
        self._committing = ThreadPoolExecutor(1, "committing")
        add_agent(self.app, channel, self.pipeline, self._scoring, self._committing)
        add_drift_timer(self.app, settings.drift.interval_s, self.pipeline, self._committing)
        self._publish_stopped = add_status(self.app, settings, self.source, self.roles, self.health)
        add_pages(self.app, self.metrics.registry, self.health.problems)

    async def run(self) -> None:
        """Run until a signal or a failure; see `Program.run`."""
        with data_directory(self.app):
            await super().run()

    async def _start(self) -> None:
        relax_garbage_collector()
        await asyncio.to_thread(self._start_clients)
        await self.app.start()
        # The role follower makes the source join the group and read transactions, so start it only now that the agent
        # is listening.
        self.roles.start()
        self.health.start()
        self.publisher.start()
        self.drift.start()
        self.rollback_monitor.start()
        self.drift_monitor.start()

    def _start_clients(self) -> None:
        require_topics(self._settings.kafka, self._settings.topic)
        require_free_port(self._settings.web.host, self._settings.web.port)
        self.source.start()
        self.sink.open()

    async def _shut_down(self) -> None:
        await asyncio.to_thread(self.roles.stop)
        await asyncio.to_thread(self.rollback_monitor.stop)
        await asyncio.to_thread(self.drift_monitor.stop)
        # Stopping completes the batches in flight, so the agent, the sink and the event loop must still be running.
        await asyncio.to_thread(self.source.stop)
        await asyncio.to_thread(self.publisher.stop)
        await asyncio.to_thread(self.drift.stop)
        await self._send_remaining_drift()
        self.sink.close()
        await self._publish_stopped()
        await self.app.stop()
        self._scoring.shutdown()
        self._committing.shutdown()
        await asyncio.to_thread(self.health.stop)

    async def _send_remaining_drift(self) -> None:
        """Send the remaining drift counts; give up after `FLUSH_S`, so that the stop is not delayed."""
        sending = self._running_loop().run_in_executor(self._committing, self.pipeline.send_drift)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sending, FLUSH_S)

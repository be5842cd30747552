"""The HTTP edge as a program: builds its components, starts them, and stops them in order."""

import asyncio
import contextlib
import sys

import uvloop

from schemas.errors import BrokerUnavailableError, BusyError
from stream.http.api import make_api
from stream.http.auth import Auth
from stream.http.console.event_feed import EventFeed
from stream.http.console.label_routes import label_routes
from stream.http.console.page_routes import page_routes
from stream.http.console.session_routes import session_routes
from stream.http.fast_path import FastPath
from stream.http.health import health_routes
from stream.http.idempotency import IdempotencyCache
from stream.http.metrics import HttpMetrics
from stream.http.micro_batcher import MicroBatcher
from stream.http.model_routes import model_routes
from stream.http.predict_routes import PATH, PredictionRoutes
from stream.http.prediction_service import PredictionService
from stream.http.recorded_responses import RecordedResponses
from stream.http.server import EdgeServer, raise_connection_limit, server_config
from stream.http.tls import require_tls
from stream.kafka.acknowledged_producer import AcknowledgedProducer, OutgoingMessage
from stream.kafka.broker_monitor import BrokerMonitor
from stream.kafka.counts_publisher import CountsPublisher
from stream.kafka.topics import require_topics
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.runtime.ports import require_free_port
from stream.runtime.program import Program
from stream.runtime.readiness import Problem
from stream.serving.drift_outbox import COUNT_S, DriftOutbox
from stream.serving.garbage_collector import relax_garbage_collector
from stream.serving.role_counter import RoleCounter
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import tracing
from stream.settings import Settings

#: Seconds for which a thread may keep the GIL while another thread waits. The event loop waits for the thread that
#: polls for acknowledgements, and Python's default of 5 ms would be half of the latency objective.
SWITCH_INTERVAL_S = 0.0005
#: Seconds in which the last drift counts must reach Kafka on shutdown.
LAST_COUNTS_S = 0.5


class HttpProgram(Program):
    """An HTTP edge. Create it inside the event loop that it will run in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()
        self.metrics = HttpMetrics()
        self._drift = DriftOutbox(settings.kafka.slot, settings.drift, settings.watermark, self.stop)
        counts = RoleCounter(f"{settings.kafka.slot}-http")
        self.roles = RoleFollower(
            settings.kafka,
            settings.topic.model_updates,
            settings.scoring,
            RoleLoader(BundleStore(settings.bundle.store)),
            self.metrics.roles,
            on_change=lambda _: None,
            on_error=self.stop,
            prepare=self._drift.prepare,
        )
        self._publisher = CountsPublisher(
            settings.kafka, settings.topic.role_counts, settings.rollback.interval_s, counts.take
        )
        self._broker = BrokerMonitor(settings.kafka, settings.topic.transactions_http)
        self._producer = AcknowledgedProducer(settings.kafka, settings.http.deadline_ms, self._broker, self.stop)
        self._responses = IdempotencyCache(settings.http.idempotency_entries, settings.http.idempotency_s)
        self.metrics.kept_responses.set_function(self._responses.__len__)
        self._recorded_responses = RecordedResponses(
            settings.kafka, settings.topic.decisions, settings.http, self._responses, self.stop
        )
        self._feed = EventFeed(settings.kafka, settings.topic, self.problems)
        require_tls(settings.http)
        auth = Auth(settings.http)
        predictions = PredictionRoutes(
            settings.http, settings.scoring.max_transaction_bytes, self._prediction_service(counts), auth
        )
        routers = [
            predictions.router(),
            model_routes(self.roles, auth),
            health_routes(self.metrics, auth, self.problems),
            label_routes(settings.topic.labels, auth, self._producer, self._broker),
            session_routes(auth),
            page_routes(auth, self._feed),
        ]
        #: The FastAPI application, which describes the routes.
        self.api = make_api(routers, self.metrics)
        app = FastPath(
            self.api,
            PATH,
            predictions.predict_body,
            self.metrics,
            max_bytes=settings.scoring.max_transaction_bytes,
            enabled=not tracing(),
        )
        self._server = EdgeServer(server_config(settings.http, app))

    def problems(self) -> list[Problem]:
        """Return the reasons why the edge is not ready; empty when it is ready."""
        problems = [] if self.roles.scorer is not None else [Problem.NO_CHAMPION]
        if self._broker.unavailable:
            problems.append(Problem.BROKER_UNAVAILABLE)
        if not self._responses.complete:
            problems.append(Problem.READING_RESPONSES)
        return problems

    def _prediction_service(self, counts: RoleCounter) -> PredictionService:
        http, topics = self._settings.http, self._settings.topic
        batcher = MicroBatcher(
            topics.transactions_http,
            http.deadline_ms / 1000,
            roles=self.roles,
            counts=counts,
            observe=self._drift.add,
            metrics=self.metrics,
        )
        return PredictionService(
            http,
            topics,
            roles=self.roles,
            responses=self._responses,
            batcher=batcher,
            producer=self._producer,
            broker=self._broker,
            metrics=self.metrics,
        )

    async def _start(self) -> None:
        relax_garbage_collector()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        raise_connection_limit()
        await asyncio.to_thread(self._check_environment)
        self._producer.start()
        self._broker.start()
        self.roles.start()
        self._recorded_responses.start()
        self._publisher.start()
        self._drift.start()
        self._feed.start()
        self._stopping_drift = asyncio.Event()
        self._sending_drift = asyncio.create_task(self._send_drift())
        self._serving = asyncio.create_task(self._server.serve())
        for task in (self._sending_drift, self._serving):
            task.add_done_callback(self._stop_on_error)

    def _check_environment(self) -> None:
        require_topics(self._settings.kafka, self._settings.topic)
        require_free_port(self._settings.http.host, self._settings.http.port, "FRAUD_HTTP_PORT")

    async def _shut_down(self) -> None:
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)
        # Incomplete requests are dropped: their decisions would be written after the producer has stopped.
        for connection in [*self._server.server_state.connections]:
            connection.transport.abort()
        await asyncio.to_thread(self._drift.stop)
        self._stopping_drift.set()
        await asyncio.wait({self._sending_drift}, timeout=LAST_COUNTS_S)
        self._sending_drift.cancel()
        await asyncio.to_thread(self.roles.stop)
        await asyncio.to_thread(self._recorded_responses.stop)
        await asyncio.to_thread(self._publisher.stop)
        await asyncio.to_thread(self._feed.stop)
        await self._producer.drain()
        await asyncio.to_thread(self._producer.stop)
        await asyncio.to_thread(self._broker.stop)

    def _stop_on_error(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop(error)

    async def _send_drift(self) -> None:
        """Send drift counts to Kafka, as workers do, including the last counts on shutdown."""
        topic = self._settings.topic.drift_counts
        stopping = False
        while not stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping_drift.wait(), COUNT_S)
            stopping = self._stopping_drift.is_set()
            if counts := self._drift.unsent():
                with contextlib.suppress(BrokerUnavailableError, BusyError):  # the next round sends them again
                    await self._producer.produce_and_wait([OutgoingMessage(topic, None, each) for each in counts])
                    self._drift.sent(counts)


def run_http(settings: Settings) -> None:
    """Run an HTTP edge in an event loop of its own until it is stopped.

    Raises:
        FraudError: The error that ended the edge, if a signal did not.
    """

    async def run() -> None:
        await HttpProgram(settings).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())

"""The HTTP edge as a program: the one place that knows how its parts fit together."""

import asyncio
import contextlib
import sys

from schemas.errors import BrokerAwayError, BusyError
from stream.http.api import make_api
from stream.http.auth import Access
from stream.http.batcher import Batcher
from stream.http.console.feed import Feed
from stream.http.console.labels import label_routes
from stream.http.console.routes import console_routes
from stream.http.console.session import session_routes
from stream.http.fast_path import Hot
from stream.http.health import health_routes
from stream.http.metrics import HttpMetrics
from stream.http.model_routes import model_routes
from stream.http.predict_routes import PATH, Predict
from stream.http.prediction_service import Desk
from stream.http.server import Server, allow_connections, server_config
from stream.http.tls import require_tls
from stream.kafka.acknowledged_producer import Recorder, Row
from stream.kafka.broker_watch import BrokerWatch
from stream.kafka.counts_publisher import CountsPublisher
from stream.kafka.topics import require_topics
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.runtime.ports import require_free_port
from stream.runtime.program import Program
from stream.runtime.readiness import Problem
from stream.serving.drift_outbox import COUNT_S, DriftOutbox
from stream.serving.garbage_collector import collect_seldom
from stream.serving.role_counter import RoleCounter
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import tracing
from stream.settings import Settings

#: Seconds for which a thread may keep Python's lock while another waits: the loop waits for the one that takes
#: acknowledgements. Python's own 5 ms is half the latency that we promise.
SWITCH_S = 0.0005
#: Seconds for the last counts of drift to be on Kafka when stopped.
REST_S = 0.5


class HttpProgram(Program):
    """An HTTP edge, built but not running. Made inside the event loop it will run in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()
        self.metrics = HttpMetrics()
        slot = f"{settings.kafka.slot}-http"
        self._drift = DriftOutbox(settings, self.stop)
        counts = RoleCounter(slot)
        self.roles = RoleFollower(
            settings,
            RoleLoader(BundleStore(settings.bundle.store)),
            self.metrics.roles,
            on_change=lambda _: None,
            on_error=self.stop,
            prepare=self._drift.prepare,
        )
        self._publisher = CountsPublisher(settings, counts.take)
        self._broker = BrokerWatch(settings)
        self._recorder = Recorder(settings, self._broker, self.stop)
        batcher = Batcher(settings, self.roles, counts, self._drift.add, self.metrics)
        desk = Desk(
            settings,
            roles=self.roles,
            batcher=batcher,
            recorder=self._recorder,
            broker=self._broker,
            metrics=self.metrics,
        )
        require_tls(settings)
        access = Access(settings)
        self._feed = Feed(settings)
        predict = Predict(settings, desk, access, self.metrics)
        routers = [
            predict.routes(),
            model_routes(self.roles, access),
            health_routes(self.metrics, access, self.problems),
            label_routes(settings, access, self._recorder, self._broker),
            session_routes(access),
            console_routes(access, self._feed),
        ]
        hot = Hot(
            make_api(routers, self.metrics),
            PATH,
            predict.ask,
            self.metrics,
            most=settings.scoring.max_transaction_bytes,
            on=not tracing(),
        )
        self._server = Server(server_config(settings, hot))

    def problems(self) -> list[Problem]:
        """Say why nothing can be decided; nothing when it can."""
        found = [] if self.roles.scorer is not None else [Problem.NO_CHAMPION]
        return [*found, Problem.BROKER_UNAVAILABLE] if self._broker.away else found

    async def _start(self) -> None:
        collect_seldom()
        sys.setswitchinterval(SWITCH_S)
        allow_connections()
        await asyncio.to_thread(self._check)
        self._recorder.start()
        self._broker.start()
        self.roles.start()
        self._publisher.start()
        self._drift.start()
        self._feed.start()
        self._ending = asyncio.Event()
        self._sending = asyncio.create_task(self._send_drift())
        self._serving = asyncio.create_task(self._server.serve())
        for task in (self._sending, self._serving):
            task.add_done_callback(self._ended)

    def _check(self) -> None:
        require_topics(self._settings)
        require_free_port(self._settings.http.host, self._settings.http.port, "FRAUD_HTTP_PORT")

    async def _shut_down(self) -> None:
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)
        # Whose request is still not whole is not answered any more: what it asked about would be written too late.
        for connection in [*self._server.server_state.connections]:
            connection.transport.abort()
        await asyncio.to_thread(self._drift.stop)
        self._ending.set()
        await asyncio.wait({self._sending}, timeout=REST_S)
        self._sending.cancel()
        await asyncio.to_thread(self.roles.stop)
        await asyncio.to_thread(self._publisher.stop)
        await asyncio.to_thread(self._feed.stop)
        await self._recorder.drain()
        await asyncio.to_thread(self._recorder.stop)
        await asyncio.to_thread(self._broker.stop)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop(error)

    async def _send_drift(self) -> None:
        """Send what came in, counted, as workers do; when stopped, the rest of it."""
        topic = self._settings.topic.drift_counts
        ending = False
        while not ending:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), COUNT_S)
            ending = self._ending.is_set()
            if messages := self._drift.unsent():
                with contextlib.suppress(BrokerAwayError, BusyError):  # the same are taken again
                    await self._recorder.written([Row(topic, None, each) for each in messages])
                    self._drift.sent(messages)


async def run_http(settings: Settings) -> None:
    """Build an HTTP edge inside the running event loop, and run it.

    Raises:
        FraudError: What ended it, if it was not a signal.
    """
    await HttpProgram(settings).run()

"""The lifecycle of programs that keep their offsets in their own store: the ledger and the archive."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from stream.clock import Clock, SystemClock
from stream.kafka.stored_source import OffsetStore, StoredSource
from stream.kafka.topics import require_topics
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.faust_app import WithoutKafka, data_directory, make_app
from stream.runtime.ports import require_free_port
from stream.runtime.program import Program
from stream.runtime.store_watchdog import StoreWatchdog
from stream.settings import Settings


class StoreProgram(Program):
    """A Faust app that reads topics from the offsets in a store and writes to the store on one thread.

    A subclass creates its sources with `_make_source`, adds agents that process the batches, and sets `health`.
    Create it inside the event loop that it will run in.

    Args:
        settings: Settings with the Kafka connection, the topic names and the web address.
        clock: Clock that provides the ingest time; None for the system clock.
        name: Name of the program in one word, as in FRAUD_<NAME>_WEB_PORT.
        group: Name of the Faust app, and prefix of the consumer groups.
        web_port: Port of the program's web pages.
    """

    health: StoreWatchdog

    def __init__(self, settings: Settings, clock: Clock | None, *, name: str, group: str, web_port: int) -> None:
        super().__init__()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._name = name
        self._group = group
        self._web_port = web_port
        self._sources: list[StoredSource] = []
        self._writing = ThreadPoolExecutor(1, "writing")
        self.app = make_app(
            settings.kafka,
            settings.web,
            name=group,
            web_port=web_port,
            boot=WithoutKafka,
        )

    async def run(self) -> None:
        """Run until a signal or a failure; see `Program.run`."""
        with data_directory(self.app):
            await super().run()

    def _make_source(self, topic: str, store: OffsetStore) -> tuple[BatchChannel, StoredSource]:
        """Return a source for a topic and the channel on which an agent receives its batches."""
        channel = BatchChannel(self.app)
        source = StoredSource(
            self._settings.kafka,
            store,
            lambda batch: channel.offer(batch, self._running_loop()),
            self.stop,
            topic=topic,
            group=f"{self._group}-{topic}",
        )
        self._sources.append(source)
        return channel, source

    def _prepare(self) -> None:
        """Check and open everything that the program needs. Called on a thread before reading begins."""
        require_topics(self._settings.kafka, self._settings.topic)
        require_free_port(self._settings.web.host, self._web_port, f"FRAUD_{self._name.upper()}_WEB_PORT")

    def _on_sources_stopped(self) -> None:
        """Release writing threads that are still waiting. Called once every source has stopped."""

    async def _start(self) -> None:
        await asyncio.to_thread(self._prepare)
        await self.app.start()
        # Sources start last: they may offer batches only after the agents have subscribed.
        for source in self._sources:
            source.set_reading(enabled=True)
            source.start()
        self.health.start()

    async def _shut_down(self) -> None:
        # Stopping a source finishes its batches in flight, so the agents and the event loop must still run.
        await asyncio.gather(*(asyncio.to_thread(source.stop) for source in self._sources))
        self._on_sources_stopped()
        await self.app.stop()
        self._writing.shutdown()
        await asyncio.to_thread(self.health.stop)

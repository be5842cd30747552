"""The archive program: the one place that knows how its parts fit together."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stream.archive.files import ArchiveFiles
from stream.archive.memory_budget import Room
from stream.archive.metrics import ArchiveMetrics
from stream.archive.open_file import load_what_writing_needs
from stream.archive.pipeline import ArchivePipeline
from stream.archive.service import add_agent, add_closing
from stream.archive.store import ArchiveStore
from stream.archive.writer import ArchiveWriter
from stream.clock import Clock, SystemClock
from stream.kafka.stored_source import StoredSource
from stream.kafka.topics import require_topics
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.faust_app import WithoutKafka, make_app
from stream.runtime.outage import Outage
from stream.runtime.ports import require_free_port
from stream.runtime.program import Program
from stream.runtime.store_watchdog import StoredHealth
from stream.runtime.web_pages import add_pages
from stream.settings import Settings


class ArchiveProgram(Program):
    """An archive, built but not running. Made inside the event loop it will run in.

    Args:
        settings: Addresses, topics, where the files go.
        clock: Bounds the dates of files; the machine's by default.

    Raises:
        ArchiveError: If the URL names no file system that can be opened here.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._directory = tempfile.TemporaryDirectory(prefix="fraud-archive-")
        self._files = ArchiveFiles(settings.archive.url)
        self.metrics = ArchiveMetrics()
        outage = Outage("the archive")
        topics = {
            "transactions": settings.topic.transactions,
            "transactions-http": settings.topic.transactions_http,
            "decisions": settings.topic.decisions,
            "labels": settings.topic.labels,
        }
        self._store = ArchiveStore(self._files, {topic: kind for kind, topic in topics.items()}, outage)
        self._writer = ArchiveWriter(self._files, outage, self.metrics)
        self._writing = ThreadPoolExecutor(1, "writing")
        self.app = make_app(
            settings,
            Path(self._directory.name),
            name=settings.archive.group,
            web_port=settings.archive.web_port,
            boot=WithoutKafka,
        )
        self.pipelines: list[ArchivePipeline] = []
        self._room = Room(settings, self.pipelines, self.metrics)
        for kind, topic in topics.items():
            self.pipelines.append(self._pipeline(kind, topic))
        self.health = StoredHealth(
            settings,
            {each.kind: each.source for each in self.pipelines},
            outage,
            self.metrics,
            patience=lambda: self._writer.at_it,
            on_error=self.stop,
        )
        add_closing(self.app, self.pipelines, self._room, self._writing)
        add_pages(self.app, self.metrics.registry, self.health.problems)

    async def _start(self) -> None:
        await asyncio.to_thread(self._get_ready)
        await self.app.start()
        # Last: by now the agents listen.
        for each in self.pipelines:
            each.source.read(on=True)
            each.source.start()
        self.health.start()

    def _pipeline(self, kind: str, topic: str) -> ArchivePipeline:
        channel = BatchChannel(self.app)
        source = StoredSource(
            self._settings,
            self._store,
            lambda batch: channel.offer(batch, self._running_loop()),
            self.stop,
            topic=topic,
            group=f"{self._settings.archive.group}-{topic}",
        )
        pipeline = ArchivePipeline(
            self._settings,
            kind=kind,
            topic=topic,
            source=source,
            store=self._store,
            writer=self._writer,
            metrics=self.metrics,
            clock=self._clock,
            stop=self.stop,
        )
        add_agent(self.app, channel, pipeline, self._room, self._writing)
        return pipeline

    def _get_ready(self) -> None:
        require_topics(self._settings)
        require_free_port(self._settings.web.host, self._settings.archive.web_port, "FRAUD_ARCHIVE_WEB_PORT")
        self._files.create()
        load_what_writing_needs()

    async def _shut_down(self) -> None:
        self._writer.stop()
        # First, while the partitions are ours. What is taken up after it is dropped, and read again.
        for each in self.pipelines:
            await asyncio.get_running_loop().run_in_executor(self._writing, each.close_all)
        # Finishes the batches in hand, so the agents and the event loop must still live.
        await asyncio.gather(*(asyncio.to_thread(each.source.stop) for each in self.pipelines))
        await self.app.stop()
        self._writing.shutdown()
        await asyncio.to_thread(self.health.stop)
        self._directory.cleanup()


async def run_archive(settings: Settings) -> None:
    """Build an archive inside the running event loop, and run it.

    Raises:
        FraudError: What ended it, if it was not a signal.
    """
    await ArchiveProgram(settings).run()

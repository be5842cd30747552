"""The archive program: builds and connects the parts of the archive."""

import asyncio

from stream.archive.files import ArchiveFiles
from stream.archive.memory_budget import MemoryBudget
from stream.archive.metrics import ArchiveMetrics
from stream.archive.open_file import preload_pyarrow
from stream.archive.pipeline import ArchivePipeline
from stream.archive.service import add_agent, add_closing
from stream.archive.store import ArchiveStore
from stream.archive.writer import ArchiveWriter
from stream.clock import Clock
from stream.runtime.outage import Outage
from stream.runtime.store_program import StoreProgram
from stream.runtime.store_watchdog import StoreWatchdog
from stream.runtime.web_pages import add_pages
from stream.settings import Settings


class ArchiveProgram(StoreProgram):
    """An archive that has not been started yet. Create it inside the event loop in which it will run.

    Args:
        settings: Kafka connection, topic names and URL of the archive.
        clock: Clock that limits how far in the future the date of a file may be; None for the system clock.

    Raises:
        ArchiveError: If no file system can be opened for the URL.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__(
            settings, clock, name="archive", group=settings.archive.group, web_port=settings.archive.web_port
        )
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
        self.pipelines: list[ArchivePipeline] = []
        self._budget = MemoryBudget(settings.archive, self.pipelines, self.metrics)
        for kind, topic in topics.items():
            self.pipelines.append(self._make_pipeline(kind, topic))
        self.health = StoreWatchdog(
            settings.kafka.watchdog_s,
            {pipeline.kind: pipeline.source for pipeline in self.pipelines},
            outage,
            self.metrics,
            is_busy=lambda: self._writer.is_writing,
            on_error=self.stop,
        )
        add_closing(self.app, self.pipelines, self._budget, self._writing)
        add_pages(self.app, self.metrics.registry, self.health.problems)

    def _make_pipeline(self, kind: str, topic: str) -> ArchivePipeline:
        channel, source = self._make_source(topic, self._store)
        pipeline = ArchivePipeline(
            self._settings.archive,
            kind=kind,
            topic=topic,
            source=source,
            store=self._store,
            writer=self._writer,
            metrics=self.metrics,
            clock=self._clock,
            stop=self.stop,
        )
        add_agent(self.app, channel, pipeline, self._budget, self._writing)
        return pipeline

    def _prepare(self) -> None:
        super()._prepare()
        self._files.create()
        preload_pyarrow()

    async def _shut_down(self) -> None:
        self._writer.stop()
        # Close the files first, while this archive still owns the partitions. Messages that are read after this point
        # are dropped, and the next archive reads them again.
        for pipeline in self.pipelines:
            await asyncio.get_running_loop().run_in_executor(self._writing, pipeline.close_all)
        await super()._shut_down()


async def run_archive(settings: Settings) -> None:
    """Build an archive inside the running event loop, and run it until it is stopped.

    Raises:
        FraudError: If an error, rather than a signal, ended the archive.
    """
    await ArchiveProgram(settings).run()

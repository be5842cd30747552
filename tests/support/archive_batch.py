"""Batches for an archive's pipeline without a Kafka: a source and messages that a test steers."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest.mock import Mock

from stream.archive.files import ArchiveFiles
from stream.archive.memory_budget import MemoryBudget
from stream.archive.metrics import ArchiveMetrics
from stream.archive.pipeline import ArchivePipeline
from stream.archive.store import ArchiveStore
from stream.archive.writer import ArchiveWriter
from stream.kafka.batch import Batch
from stream.runtime.outage import Outage
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings
from tests.support.ledger_batch import ManualClock


class Message(NamedTuple):
    """Stands in for a confluent_kafka message, as far as it is not in `RawBatch`."""

    sent: tuple[int, int]

    def timestamp(self) -> tuple[int, int]:
        """Return the type and UTC milliseconds."""
        return self.sent

    def key(self) -> bytes:
        """Return the key."""
        return b"k"


class Source:
    """Stands in for a StoredSource: counts failures, and claims as that does."""

    def __init__(self) -> None:
        self.epoch = 1
        self.failures = 0

    def fail(self) -> None:
        """Make what was read stale."""
        self.failures += 1
        self.epoch += 1

    def done(self) -> None:
        """Take no notice."""


class Feeder:
    """An archive of transactions, fed with messages instead of a topic.

    Args:
        url: Of the archive, which is made.
        settings: When files are closed.

    Attributes:
        stop: Called with what would end the program.
    """

    def __init__(self, url: str, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        files = ArchiveFiles(url)
        files.create()
        self.clock = ManualClock()
        self.source = Source()
        self.stop = Mock()
        self.outage = Outage("the archive")
        self.metrics = ArchiveMetrics()
        self.store = ArchiveStore(files, {"transactions": "transactions"}, self.outage)
        self.writer = ArchiveWriter(files, self.outage, self.metrics)
        source: Any = self.source
        self.pipeline = ArchivePipeline(
            settings,
            kind="transactions",
            topic="transactions",
            source=source,
            store=self.store,
            writer=self.writer,
            metrics=self.metrics,
            clock=self.clock,
            stop=self.stop,
        )
        self.budget = MemoryBudget(settings, [self.pipeline], self.metrics)
        self.next: dict[int, int] = {}

    def claim(self, *partitions: int) -> None:
        """Begin anew, as after a rebalance."""
        self.source.epoch += 1
        claims = self.store.claim("transactions", partitions)
        self.next = {partition: claim.next_offset for partition, claim in claims.items()}

    def batch(self, values: Sequence[bytes], *, partition: int = 0, sent_ms: int | None = None) -> Batch:
        """Return values as the next batch of a partition."""
        start = self.next[partition]
        offsets = list(range(start, start + len(values)))
        messages = [Message((1, self.clock.ms if sent_ms is None else sent_ms))] * len(values)
        incoming = RawBatch("transactions", values, [partition] * len(values), offsets)
        end = start + len(values)
        return Batch(messages, incoming, {}, self.source.epoch, {partition: start}, {partition: end}, 0.0)

    def feed(self, values: Sequence[bytes], *, partition: int = 0, sent_ms: int | None = None) -> None:
        """Settle values as the next batch of a partition, and keep to the bound on memory."""
        batch = self.batch(values, partition=partition, sent_ms=sent_ms)
        self.pipeline.process(batch)
        self.next.update(batch.end)
        self.budget.enforce()

"""An archive's pipeline without Kafka, with a fake source and fake messages."""

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


class FakeMessage(NamedTuple):
    """Stands in for a confluent_kafka message, with the attributes that `RawBatch` does not contain."""

    sent: tuple[int, int]

    def timestamp(self) -> tuple[int, int]:
        """Return the type of the message's timestamp, and the timestamp in UTC milliseconds."""
        return self.sent

    def key(self) -> bytes:
        """Return the message's key."""
        return b"k"

    def headers(self) -> None:
        """Return no headers."""


class FakeSource:
    """Stands in for a StoredSource and counts failures."""

    def __init__(self) -> None:
        self.epoch = 1
        self.failures = 0

    def fail(self) -> None:
        """Make the batches read so far stale."""
        self.failures += 1
        self.epoch += 1

    def done(self) -> None:
        """Do nothing."""


class ArchiveFeeder:
    """An archive of transactions that gets its messages from a test instead of from a topic.

    Args:
        url: URL at which to create the archive.
        settings: Settings of the archive.

    Attributes:
        stop: Mock of the callback that would end the program.
    """

    def __init__(self, url: str, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        files = ArchiveFiles(url)
        files.create()
        self.clock = ManualClock()
        self.source = FakeSource()
        self.stop = Mock()
        self.outage = Outage("the archive")
        self.metrics = ArchiveMetrics()
        self.store = ArchiveStore(files, {"transactions": "transactions"}, self.outage)
        self.writer = ArchiveWriter(files, self.outage, self.metrics)
        source: Any = self.source
        self.pipeline = ArchivePipeline(
            settings.archive,
            kind="transactions",
            topic="transactions",
            source=source,
            store=self.store,
            writer=self.writer,
            metrics=self.metrics,
            clock=self.clock,
            stop=self.stop,
        )
        self.budget = MemoryBudget(settings.archive, [self.pipeline], self.metrics)
        self.next: dict[int, int] = {}

    def claim(self, *partitions: int) -> None:
        """Claim partitions, as after a rebalance."""
        self.source.epoch += 1
        claims = self.store.claim("transactions", partitions)
        self.next = {partition: claim.next_offset for partition, claim in claims.items()}

    def batch(self, values: Sequence[bytes], *, partition: int = 0, sent_ms: int | None = None) -> Batch:
        """Return message values as the next batch of a partition."""
        start = self.next[partition]
        offsets = list(range(start, start + len(values)))
        messages = [FakeMessage((1, self.clock.ms if sent_ms is None else sent_ms))] * len(values)
        raw = RawBatch("transactions", values, [partition] * len(values), offsets)
        end = start + len(values)
        return Batch(messages, raw, {}, self.source.epoch, {partition: start}, {partition: end}, 0.0)

    def feed(self, values: Sequence[bytes], *, partition: int = 0, sent_ms: int | None = None) -> None:
        """Process message values as the next batch of a partition, and enforce the memory budget."""
        batch = self.batch(values, partition=partition, sent_ms=sent_ms)
        self.pipeline.process(batch)
        self.next.update(batch.end)
        self.budget.enforce()

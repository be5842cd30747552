"""Batches for a ledger's store without Kafka, and a clock that the test controls."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine

from schemas.messages import encode
from stream.kafka.batch import Batch
from stream.ledger.message_kinds import MessageKind, all_message_kinds
from stream.ledger.store import LedgerStore, WriteResult
from stream.runtime.outage import Outage
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings
from tests.support.records import BASE_MS

KINDS: dict[str, MessageKind[Any]] = {kind.name: kind for kind in all_message_kinds(Settings().topic)}


class ManualClock:
    """A clock that the test controls.

    Args:
        now_ms: Initial time in UTC milliseconds.

    Attributes:
        ms: Current time in UTC milliseconds.
    """

    def __init__(self, now_ms: int = BASE_MS) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        """Return the current time in UTC milliseconds."""
        return self.ms


class LedgerWriter:
    """A ledger's store with claims on partitions, fed with messages instead of a topic.

    Args:
        engine: Engine of a ledger's database.
        kind: Name of the kind of message.
        partitions: Partitions to claim immediately.
        settings: Settings of the store.
        clock: Clock that provides the ingest time.
        name: Name of the owner that claims the partitions.
    """

    def __init__(
        self,
        engine: Engine,
        kind: str = "decisions",
        partitions: Sequence[int] = (0,),
        *,
        settings: Settings | None = None,
        clock: ManualClock | None = None,
        name: str = "one",
    ) -> None:
        self.kind = KINDS[kind]
        self.clock = clock or ManualClock()
        self.store = LedgerStore(
            engine, (settings or Settings()).watermark, self.clock, Outage("the ledger database"), name
        )
        self.claims = dict(self.store.claim(self.kind.topic, partitions))
        self.next = {partition: claim.next_offset for partition, claim in self.claims.items()}

    def batch(self, messages: Sequence[msgspec.Struct], partition: int = 0) -> Batch:
        """Return messages as the next batch of a partition."""
        start = self.next[partition]
        offsets = list(range(start, start + len(messages)))
        values = [encode(message) for message in messages]
        owners = {each: claim.owner_epoch for each, claim in self.claims.items()}
        raw = RawBatch(self.kind.topic, values, [partition] * len(values), offsets)
        return Batch([], raw, owners, 0, {partition: start}, {partition: start + len(values)}, 0.0)

    def write(self, messages: Sequence[msgspec.Struct], partition: int = 0) -> WriteResult:
        """Write messages as the next batch of a partition."""
        return self.write_batch(self.batch(messages, partition))

    def write_batch(self, batch: Batch) -> WriteResult:
        """Write a batch. Once it is committed, the next batch starts at its end."""
        now_ms = self.clock.now_ms()
        raw = batch.raw
        messages = zip(raw.values, raw.partitions, raw.offsets, strict=True)
        rows = [self.kind.row(value, partition, offset, now_ms) for value, partition, offset in messages]
        written = self.store.write(self.kind, batch, rows, now_ms)
        self.next.update(batch.end)
        return written

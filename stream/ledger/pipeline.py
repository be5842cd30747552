"""One batch from bytes to commit, and what happens when that fails: nothing is consumed, all of it is read again."""

import logging
import time
from collections.abc import Callable
from typing import Any

from schemas.errors import (
    BatchRefusedError,
    DeadLetterReason,
    LedgerAwayError,
    RefusedMessageError,
    StaleOwnerError,
)
from stream.clock import Clock
from stream.kafka.batch import Batch
from stream.kafka.dead_letters import letter_row
from stream.kafka.sink import Sink
from stream.kafka.stored_source import StoredSource
from stream.ledger.message_kinds import Kind, Row
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.store import LedgerStore

log = logging.getLogger(__name__)

#: Seconds before a batch whose dead letters Kafka did not take is read again.
LETTERS_BACKOFF_S = 1.0


class LedgerPipeline:
    """Writes batches of one kind.

    Args:
        kind: What they hold.
        source: Where they come from.
        store: Where they go.
        letters: Where the refused ones go.
        letters_topic: Its topic.
        metrics: Counts what was committed.
        clock: Ingest time.
        stop: Ends the ledger with an error; called from any thread.
    """

    def __init__(
        self,
        *,
        kind: Kind[Any],
        source: StoredSource,
        store: LedgerStore,
        letters: Sink,
        letters_topic: str,
        metrics: LedgerMetrics,
        clock: Clock,
        stop: Callable[[BaseException], None],
    ) -> None:
        self.kind = kind
        self.source = source
        self._store = store
        self._letters = letters
        self._letters_topic = letters_topic
        self._metrics = metrics
        self._clock = clock
        self._stop = stop

    def settle(self, batch: Batch) -> None:
        """Commit a batch, or make it be read again. Never raises: Faust would go on with the next batch."""
        try:
            if batch.epoch == self.source.epoch:
                self._write(batch)
            else:
                self._metrics.dropped("stale")
        except StaleOwnerError as error:
            log.warning("%s", error)
            self._metrics.dropped("claimed")
            self.source.give_way()
        except LedgerAwayError:
            self._metrics.dropped("database")
            self.source.fail()
        except BatchRefusedError as error:
            log.warning("dead letters: %s; reading the batch again", error)
            self._metrics.dropped("letters")
            self.source.fail()
            time.sleep(LETTERS_BACKOFF_S)
        except Exception as error:  # noqa: BLE001 - whatever else it is, going on could skip messages
            self.source.fail()
            self._stop(error)
        finally:
            self.source.done()

    def _write(self, batch: Batch) -> None:
        began = time.monotonic()
        now_ms = self._clock.now_ms()
        rows, refused, letters = self._decode(batch, now_ms)
        if letters:
            # Before the rows: a crash in between repeats a dead letter, the other way round would lose it.
            self._letters.commit(batch, {self._letters_topic: letters})
        written = self._store.write(self.kind, batch, rows, now_ms)
        sent_ms = batch.messages[-1].timestamp()[1]
        self._metrics.written(
            self.kind.name,
            written,
            refused,
            batch_s=time.monotonic() - began,
            delay_s=max(time.time() - sent_ms / 1000, 0.0),  # Kafka's clock is the real one, whatever ours is
        )

    def _decode(self, batch: Batch, now_ms: int) -> tuple[list[Row], list[DeadLetterReason], list[dict[str, Any]]]:
        rows: list[Row] = []
        refused: list[DeadLetterReason] = []
        letters: list[dict[str, Any]] = []
        incoming = batch.incoming
        places = zip(incoming.values, incoming.partitions, incoming.offsets, strict=True)
        for place, (value, partition, offset) in enumerate(places):
            try:
                rows.append(self.kind.row(value, partition, offset, now_ms))
            except RefusedMessageError as error:
                refused.append(error.reason)
                letters.append(letter_row(batch, place, error.reason, str(error), now_ms))
        return rows, refused, letters

"""Processes one batch, from bytes to commit. After a failure, nothing is consumed and the batch is read again."""

import logging
import time
from collections.abc import Callable
from typing import Any

from schemas.errors import (
    BatchRefusedError,
    DeadLetterReason,
    LedgerUnavailableError,
    RefusedMessageError,
    StaleOwnerError,
)
from stream.clock import Clock
from stream.kafka.batch import Batch
from stream.kafka.dead_letters import dead_letter_row
from stream.kafka.sink import Sink
from stream.kafka.stored_source import StoredSource
from stream.ledger.message_kinds import MessageKind, Row
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.store import LedgerStore

log = logging.getLogger(__name__)

#: Seconds to wait before reading a batch again if Kafka did not accept its dead letters.
DEAD_LETTERS_BACKOFF_S = 1.0


class LedgerPipeline:
    """Writes batches of one kind of message.

    Args:
        kind: Kind of message that the batches contain.
        source: Source of the batches.
        store: Database that receives the rows.
        dead_letters: Sink for rejected messages.
        dead_letters_topic: Topic for rejected messages.
        metrics: Metrics that count committed and dropped batches.
        clock: Source of ingest time.
        stop: Callback that ends the ledger with an error; called from any thread.
    """

    def __init__(
        self,
        *,
        kind: MessageKind[Any],
        source: StoredSource,
        store: LedgerStore,
        dead_letters: Sink,
        dead_letters_topic: str,
        metrics: LedgerMetrics,
        clock: Clock,
        stop: Callable[[BaseException], None],
    ) -> None:
        self.kind = kind
        self.source = source
        self._store = store
        self._dead_letters = dead_letters
        self._dead_letters_topic = dead_letters_topic
        self._metrics = metrics
        self._clock = clock
        self._stop = stop

    def process(self, batch: Batch) -> None:
        """Commit a batch, or have it read again.

        Never raises, because Faust would continue with the next batch.
        """
        try:
            if batch.epoch == self.source.epoch:
                self._write(batch)
            else:
                self._metrics.count_dropped_batch("stale")
        except StaleOwnerError as error:
            log.warning("%s", error)
            self._metrics.count_dropped_batch("claimed")
            self.source.back_off()
        except LedgerUnavailableError:
            self._metrics.count_dropped_batch("database")
            self.source.fail()
        except BatchRefusedError as error:
            log.warning("cannot write dead letters: %s; reading the batch again", error)
            self._metrics.count_dropped_batch("dead_letters")
            self.source.fail()
            time.sleep(DEAD_LETTERS_BACKOFF_S)
        except Exception as error:  # noqa: BLE001 - going on after an unexpected error could skip messages
            self.source.fail()
            self._stop(error)
        finally:
            self.source.done()

    def _write(self, batch: Batch) -> None:
        began = time.monotonic()
        now_ms = self._clock.now_ms()
        rows, reasons, dead_letters = self._decode(batch, now_ms)
        if dead_letters:
            # Dead letters first: a crash before the rows are written repeats them; the other order could lose them.
            self._dead_letters.commit(batch, {self._dead_letters_topic: dead_letters})
        result = self._store.write(self.kind, batch, rows, now_ms)
        sent_ms = batch.messages[-1].timestamp()[1]
        self._metrics.count_batch(
            self.kind.name,
            result,
            reasons,
            batch_s=time.monotonic() - began,
            delay_s=max(time.time() - sent_ms / 1000, 0.0),  # Kafka timestamps are wall clock, whatever our clock says
        )

    def _decode(self, batch: Batch, now_ms: int) -> tuple[list[Row], list[DeadLetterReason], list[dict[str, Any]]]:
        """Return the rows of valid messages, and the reasons and dead letters for rejected messages."""
        rows: list[Row] = []
        reasons: list[DeadLetterReason] = []
        dead_letters: list[dict[str, Any]] = []
        raw = batch.raw
        messages = zip(raw.values, raw.partitions, raw.offsets, strict=True)
        for index, (value, partition, offset) in enumerate(messages):
            try:
                rows.append(self.kind.row(value, partition, offset, now_ms))
            except RefusedMessageError as error:
                reasons.append(error.reason)
                dead_letters.append(dead_letter_row(batch, index, error.reason, str(error), now_ms))
        return rows, reasons, dead_letters

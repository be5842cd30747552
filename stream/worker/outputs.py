"""What a scored batch puts on which topic."""

import hashlib
from typing import Any

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, Verdict, encode
from stream.kafka.batch import Batch
from stream.kafka.sink import Outputs
from stream.scoring.scorer import Refusal, ScoredBatch
from stream.settings import Settings

#: Bytes of the original that a dead letter can carry: base64 of it must fit the topic's 4 MiB limit.
MAX_ORIGINAL_BYTES = 2 * 1024 * 1024
#: Bytes kept of a larger one, and of any key: a key that made its dead letter too large would never be settled.
TRUNCATED_BYTES = 64 * 1024


class BatchOutputs:
    """Collects everything a batch sends, encoded, and what is counted once it is committed.

    Args:
        batch: The whole batch.
        settings: Topics.
        now_ms: UTC milliseconds of refusal.

    Attributes:
        decided: How many transactions were decided.
        alerts: Verdict of each that was not approved.
        refusals: Reason of each that was refused.
    """

    def __init__(self, batch: Batch, settings: Settings, now_ms: int) -> None:
        self._batch = batch
        self._settings = settings
        self._now_ms = now_ms
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self.decided = 0
        self.alerts: list[Verdict] = []
        self.refusals: list[DeadLetterReason] = []

    def add(self, scored: ScoredBatch, start: int) -> None:
        """Encode a scored part of the batch that began at message `start`.

        Decisions and shadow scores keep their card's key.
        """
        settings = self._settings
        self.decided += len(scored.decisions)
        self.alerts += [decision.verdict for decision in scored.alerts]
        self.refusals += [refusal.reason for refusal in scored.refusals]
        self._add(settings.topic_decisions, [{"key": d.card_id, "value": encode(d)} for d in scored.decisions])
        self._add(settings.topic_alerts, [{"key": d.card_id, "value": encode(d)} for d in scored.alerts])
        for scores in scored.shadow_scores:
            self._add(settings.topic_shadow_scores, [{"key": s.card_id, "value": encode(s)} for s in scores])
        letters = [
            _dead_letter(self._batch, refusal, start + refusal.place, self._now_ms) for refusal in scored.refusals
        ]
        self._add(settings.topic_dead_letters, letters)

    @property
    def rows(self) -> Outputs:
        """By topic, what is sent."""
        return self._rows

    def _add(self, topic: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._rows.setdefault(topic, []).extend(rows)


def _dead_letter(batch: Batch, refusal: Refusal, place: int, now_ms: int) -> dict[str, Any]:
    incoming = batch.incoming
    key, value = batch.messages[place].key(), incoming.values[place]
    size = len(value or b"")
    too_large = size > MAX_ORIGINAL_BYTES
    kept_key = key[:TRUNCATED_BYTES] if key else key
    letter = DeadLetter(
        reason=refusal.reason,
        detail=refusal.detail,
        source_topic=incoming.topic,
        source_partition=incoming.partitions[place],
        source_offset=incoming.offsets[place],
        key=kept_key,
        value=value[:TRUNCATED_BYTES] if too_large and value else value,
        value_size=size,
        value_sha256=hashlib.sha256(value or b"").hexdigest(),
        truncated=too_large or kept_key != key,
        refused_at_ms=now_ms,
    )
    return {"key": kept_key, "value": encode(letter)}

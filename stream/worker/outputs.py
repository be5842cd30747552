"""What a scored batch puts on which topic."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, Verdict, encode
from stream.kafka.batch import Batch
from stream.scoring.scorer import Refusal, ScoredBatch
from stream.scoring.tally import Tally
from stream.settings import Settings

#: Bytes of the original that a dead letter can carry: base64 of it must fit the topic's 4 MiB limit.
MAX_ORIGINAL_BYTES = 2 * 1024 * 1024
#: Bytes kept of a larger one, and of any key: a key that made its dead letter too large would never be settled.
TRUNCATED_BYTES = 64 * 1024


@dataclass(slots=True)
class BatchOutputs:
    """What a batch, or a part of one, sends, and what is counted once it is committed."""

    #: By topic, encoded.
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: How many transactions were decided.
    decided: int = 0
    #: Verdict of each that was not approved.
    alerts: list[Verdict] = field(default_factory=list)
    #: Reason of each that was refused.
    refusals: list[DeadLetterReason] = field(default_factory=list)
    #: What each model said, counted; None before the first part.
    tally: Tally | None = None
    #: Seconds that scoring took, of each part.
    scoring_s: list[float] = field(default_factory=list)

    def extend(self, part: "BatchOutputs") -> None:
        """Add the next part of the same batch."""
        for topic, rows in part.rows.items():
            self.rows.setdefault(topic, []).extend(rows)
        self.decided += part.decided
        self.alerts += part.alerts
        self.refusals += part.refusals
        self.scoring_s += part.scoring_s
        if part.tally is not None:
            self.tally = part.tally if self.tally is None else self.tally + part.tally


def make_outputs(batch: Batch, scored: ScoredBatch, start: int, settings: Settings, now_ms: int) -> BatchOutputs:
    """Encode what came of the part of a batch that begins at message `start`.

    Decisions and shadow scores keep their card's key.
    """
    alerts = scored.alerts
    rows = {
        settings.topic_decisions: [{"key": d.card_id, "value": encode(d)} for d in scored.decisions],
        settings.topic_alerts: [{"key": d.card_id, "value": encode(d)} for d in alerts],
        settings.topic_shadow_scores: [
            {"key": shadow.card_id, "value": encode(shadow)} for scores in scored.shadow_scores for shadow in scores
        ],
        settings.topic_dead_letters: [
            _dead_letter(batch, refusal, start + refusal.place, now_ms) for refusal in scored.refusals
        ],
    }
    return BatchOutputs(
        {topic: found for topic, found in rows.items() if found},
        len(scored.decisions),
        [decision.verdict for decision in alerts],
        [refusal.reason for refusal in scored.refusals],
        scored.tally,
    )


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

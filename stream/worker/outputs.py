"""What a scored batch puts on which topic."""

import hashlib
from typing import Any

from schemas.messages import DeadLetter, encode
from stream.kafka.batch import Batch
from stream.kafka.sink import Outputs
from stream.scoring.scorer import Refusal, ScoredBatch
from stream.settings import Settings

#: Bytes of the original that a dead letter can carry: base64 of it must fit the topic's 4 MiB limit.
MAX_ORIGINAL_BYTES = 2 * 1024 * 1024
#: Bytes kept of a larger one.
TRUNCATED_BYTES = 64 * 1024


def make_outputs(batch: Batch, scored: ScoredBatch, settings: Settings, now_ms: int) -> Outputs:
    """Encode everything a batch sends, by topic. Decisions and shadow scores keep their card's key."""
    decisions = [{"key": d.card_id, "value": encode(d)} for d in scored.decisions]
    alerts = [row for row, decision in zip(decisions, scored.decisions, strict=True) if decision.verdict != "approve"]
    outputs = {
        settings.topic_decisions: decisions,
        # A row of its own each: the producer may mark rows it did not take.
        settings.topic_alerts: [dict(row) for row in alerts],
        settings.topic_shadow_scores: [
            {"key": shadow.card_id, "value": encode(shadow)} for scores in scored.shadow_scores for shadow in scores
        ],
        settings.topic_dead_letters: [_dead_letter(batch, refusal, now_ms) for refusal in scored.refusals],
    }
    return {topic: rows for topic, rows in outputs.items() if rows}


def _dead_letter(batch: Batch, refusal: Refusal, now_ms: int) -> dict[str, Any]:
    incoming, place = batch.incoming, refusal.place
    key, value = batch.messages[place].key(), incoming.values[place]
    size = len(value or b"")
    truncated = size > MAX_ORIGINAL_BYTES
    letter = DeadLetter(
        reason=refusal.reason,
        detail=refusal.detail,
        source_topic=incoming.topic,
        source_partition=incoming.partitions[place],
        source_offset=incoming.offsets[place],
        key=key,
        value=value[:TRUNCATED_BYTES] if truncated and value else value,
        value_size=size,
        value_sha256=hashlib.sha256(value or b"").hexdigest(),
        truncated=truncated,
        refused_at_ms=now_ms,
    )
    return {"key": key, "value": encode(letter)}

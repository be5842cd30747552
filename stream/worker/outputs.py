"""What a scored batch puts on which topic."""

from dataclasses import dataclass, field
from typing import Any

from schemas.errors import DeadLetterReason
from schemas.messages import Verdict, encode
from stream.kafka.batch import Batch
from stream.kafka.dead_letters import dead_letter_row
from stream.scoring.batch_scores import BatchScores
from stream.scoring.score_counts import ScoreCounts
from stream.scoring.scorer import ScoredBatch
from stream.settings import Settings


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
    score_counts: ScoreCounts | None = None
    #: Seconds that scoring took, of each part.
    scoring_s: list[float] = field(default_factory=list)
    #: What the models saw of each part.
    batch_scores: list[BatchScores] = field(default_factory=list)

    def extend(self, part: "BatchOutputs") -> None:
        """Add the next part of the same batch."""
        for topic, rows in part.rows.items():
            self.rows.setdefault(topic, []).extend(rows)
        self.decided += part.decided
        self.alerts += part.alerts
        self.refusals += part.refusals
        self.scoring_s += part.scoring_s
        self.batch_scores += part.batch_scores
        if part.score_counts is not None:
            self.score_counts = part.score_counts if self.score_counts is None else self.score_counts + part.score_counts


def make_outputs(batch: Batch, scored: ScoredBatch, start: int, settings: Settings, now_ms: int) -> BatchOutputs:
    """Encode what came of the part of a batch that begins at message `start`.

    Decisions and shadow scores keep their card's key.
    """
    alerts = scored.alerts
    rows = {
        settings.topic.decisions: [{"key": d.card_id, "value": encode(d)} for d in scored.decisions],
        settings.topic.alerts: [{"key": d.card_id, "value": encode(d)} for d in alerts],
        settings.topic.shadow_scores: [
            {"key": shadow.card_id, "value": encode(shadow)} for scores in scored.shadow_scores for shadow in scores
        ],
        settings.topic.dead_letters: [
            dead_letter_row(batch, start + refusal.index, refusal.reason, refusal.detail, now_ms)
            for refusal in scored.refusals
        ],
    }
    return BatchOutputs(
        {topic: found for topic, found in rows.items() if found},
        len(scored.decisions),
        [decision.verdict for decision in alerts],
        [refusal.reason for refusal in scored.refusals],
        scored.score_counts,
        batch_scores=[scored.batch_scores] if scored.batch_scores is not None else [],
    )

"""Encodes the results of a batch as messages by topic."""

from dataclasses import dataclass, field
from typing import Any

from schemas.errors import DeadLetterReason
from schemas.messages import Verdict, encode
from stream.kafka.batch import Batch
from stream.kafka.dead_letters import dead_letter_row
from stream.scoring.batch_scores import BatchScores
from stream.scoring.score_counts import ScoreCounts
from stream.scoring.scorer import ScoredBatch
from stream.settings import TopicSettings


@dataclass(slots=True)
class BatchOutputs:
    """Messages made from a batch or a part of a batch, and the values to count once it is committed."""

    #: For each topic, the keyword arguments for producing each message, with key and value encoded.
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: Number of decided transactions.
    decided: int = 0
    #: Verdict of each transaction that was not approved.
    alerts: list[Verdict] = field(default_factory=list)
    #: Reason for rejecting each rejected message.
    refusals: list[DeadLetterReason] = field(default_factory=list)
    #: Verdicts and scores of each model; None before the first part.
    score_counts: ScoreCounts | None = None
    #: Seconds that scoring each part took.
    scoring_s: list[float] = field(default_factory=list)
    #: Features and scores in each part, for drift counts.
    batch_scores: list[BatchScores] = field(default_factory=list)

    def extend(self, part: "BatchOutputs") -> None:
        """Add the outputs of the next part of the same batch."""
        for topic, rows in part.rows.items():
            self.rows.setdefault(topic, []).extend(rows)
        self.decided += part.decided
        self.alerts += part.alerts
        self.refusals += part.refusals
        self.scoring_s += part.scoring_s
        self.batch_scores += part.batch_scores
        if part.score_counts is not None:
            self.score_counts = (
                part.score_counts if self.score_counts is None else self.score_counts + part.score_counts
            )


def make_outputs(batch: Batch, scored: ScoredBatch, start: int, topics: TopicSettings, now_ms: int) -> BatchOutputs:
    """Encode the results for one part of a batch.

    Args:
        batch: The whole batch.
        scored: Results for the part.
        start: Index of the part's first message in the batch.
        topics: Topic names.
        now_ms: Time to record in the dead letters as the time of rejection, UTC milliseconds.

    Returns:
        The outputs; decisions, alerts and shadow scores are keyed by card.
    """
    alerts = scored.alerts
    rows = {
        topics.decisions: [{"key": d.card_id, "value": encode(d)} for d in scored.decisions],
        topics.alerts: [{"key": d.card_id, "value": encode(d)} for d in alerts],
        topics.shadow_scores: [
            {"key": shadow.card_id, "value": encode(shadow)} for scores in scored.shadow_scores for shadow in scores
        ],
        topics.dead_letters: [
            dead_letter_row(batch, start + refusal.index, refusal.reason, refusal.detail, now_ms)
            for refusal in scored.refusals
        ],
    }
    return BatchOutputs(
        {topic: messages for topic, messages in rows.items() if messages},
        len(scored.decisions),
        [decision.verdict for decision in alerts],
        [refusal.reason for refusal in scored.refusals],
        scored.score_counts,
        batch_scores=[scored.batch_scores] if scored.batch_scores is not None else [],
    )

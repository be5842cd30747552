"""Matured decisions with a known outcome: input for retraining, and for monitoring a champion's errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, and_, select

from stream.evaluation.outcome import Outcome, is_resolved, outcomes
from stream.ledger.database import reading
from stream.ledger.history import BoolArray, FloatArray, IntArray, TextArray, labels_from_columns, text_array
from stream.ledger.pairs import label_columns, verdict_codes
from stream.ledger.repository import LABEL_COLUMNS, fetch_columns, read_watermark
from stream.ledger.tables import decisions, labels

_DECISION_COLUMNS = (
    decisions.c.transaction_id,
    decisions.c.event_time_ms,
    decisions.c.verdict,
    decisions.c.arm,
    decisions.c.score,
    decisions.c.source_partition,
    decisions.c.source_offset,
)


@dataclass(frozen=True, slots=True)
class LabelledDecisions:
    """The n decisions in an interval whose outcome is known, sorted by event time, then by transaction id.

    Attributes:
        since_ms: Start of the interval, event time in UTC milliseconds.
        until_ms: End of the interval, event time in UTC milliseconds; later decisions have not matured.
        censored: Number of further decisions in the interval whose outcome can never be known, because they were
            declined and never reviewed.
        transaction_id: Transaction ids.
        event_time_ms: Event times, UTC milliseconds.
        fraud: Whether the transaction was fraud.
        alerted: Whether the deciding model reviewed or declined the transaction, before exploration.
        score: Score of the deciding model, in [0, 1].
        partition: Partition of the decided message on its topic.
        offset: Offset of the decided message on its topic.
    """

    since_ms: int
    until_ms: int
    censored: int
    transaction_id: TextArray
    event_time_ms: IntArray
    fraud: BoolArray
    alerted: BoolArray
    score: FloatArray
    partition: IntArray
    offset: IntArray

    def __len__(self) -> int:
        return len(self.transaction_id)


def load_labelled_decisions(
    engine: Engine, *, topics: Sequence[str], since_ms: int, maturity_ms: int, bundle_sha256: str | None = None
) -> LabelledDecisions | None:
    """Return the matured decisions since a given time whose outcome is known.

    A decision that has not matured is left out even if it has a label: frauds are reported first, so such decisions
    would bias the sample.

    Args:
        engine: Ledger database.
        topics: Topics of the transactions.
        since_ms: Start of the interval, event time in UTC milliseconds, included.
        maturity_ms: Label delay in milliseconds.
        bundle_sha256: Hash of the deciding model's bundle; None for all models.

    Returns:
        The labelled decisions; None if there is no watermark yet.

    Raises:
        LedgerUnavailableError: If the database is not responding.
    """
    with reading(engine) as connection:
        watermark_ms = read_watermark(connection)
        if watermark_ms is None:
            return None
        until_ms, d = watermark_ms - maturity_ms, decisions.c
        window = and_(d.event_time_ms >= since_ms, d.event_time_ms < until_ms, d.source_topic.in_(topics))
        if bundle_sha256 is not None:
            window = and_(window, d.bundle_sha256 == bundle_sha256)
        order = (d.event_time_ms, d.transaction_id)
        query = select(*_DECISION_COLUMNS).where(window).order_by(*order)
        decided = fetch_columns(connection, query, len(_DECISION_COLUMNS))
        joined = decisions.join(labels, labels.c.transaction_id == d.transaction_id)
        newest_last = (*order, labels.c.event_time_ms, labels.c.label_id)
        label_query = select(*LABEL_COLUMNS).select_from(joined).where(window).order_by(*newest_last)
        labelled = fetch_columns(connection, label_query, len(LABEL_COLUMNS))
    ids, times, verdicts, arms, scores, partitions, offsets = decided
    verdict, event_time_ms = verdict_codes(verdicts), np.array(times, dtype=np.int64)
    outcome = outcomes(
        verdict,
        event_time_ms,
        label_columns(labels_from_columns(ids, labelled)),
        watermark_ms=watermark_ms,
        maturity_ms=maturity_ms,
    )
    resolved = is_resolved(outcome)
    alerted = (verdict > 0) | (np.array(arms, dtype=np.object_) == "exploration")
    return LabelledDecisions(
        since_ms,
        until_ms,
        int((outcome == Outcome.CENSORED).sum()),
        text_array(ids)[resolved],
        event_time_ms[resolved],
        (outcome == Outcome.FRAUD)[resolved],
        alerted[resolved],
        np.array(scores, dtype=np.float64)[resolved],
        np.array(partitions, dtype=np.int64)[resolved],
        np.array(offsets, dtype=np.int64)[resolved],
    )

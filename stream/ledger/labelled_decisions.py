"""Matured decisions and what became of them: for retraining, and for watching a champion's errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, and_, select

from stream.evaluation.outcome import Outcome, is_known, outcomes
from stream.ledger.database import reading
from stream.ledger.history import Flags, Integers, Numbers, Texts, labels_of
from stream.ledger.pairs import label_columns, verdict_codes
from stream.ledger.repository import SAID, fetch_columns, watermark_of
from stream.ledger.tables import decisions, labels

_DECIDED = (
    decisions.c.transaction_id,
    decisions.c.event_time_ms,
    decisions.c.verdict,
    decisions.c.arm,
    decisions.c.score,
    decisions.c.source_partition,
    decisions.c.source_offset,
)


@dataclass(frozen=True, slots=True)
class Known:
    """Decisions of an interval whose outcome is known; (n,) each, by event time and then by id.

    Attributes:
        since_ms: Event time at which the interval begins, UTC milliseconds.
        until_ms: Event time at which the interval ends, UTC milliseconds; what is later has not matured.
        censored: How many decisions besides can never be known: declined, and nobody looked.
        transaction_id: The transaction.
        event_time_ms: UTC milliseconds.
        fraud: Whether it was one.
        alerted: Whether the model that decided reviewed or declined it, before exploration.
        score: Of the model that decided, in [0, 1].
        partition: Of its topic, where the decided message stands.
        offset: Likewise.
    """

    since_ms: int
    until_ms: int
    censored: int
    transaction_id: Texts
    event_time_ms: Integers
    fraud: Flags
    alerted: Flags
    score: Numbers
    partition: Integers
    offset: Integers

    def __len__(self) -> int:
        return len(self.transaction_id)


def known(
    engine: Engine, *, topics: Sequence[str], since_ms: int, maturity_ms: int, bundle_sha256: str | None = None
) -> Known | None:
    """Return the decisions since a moment that are old enough to be judged and whose outcome is known.

    A decision that is younger counts neither as fraud nor as legitimate, whatever labels it has: frauds report first.

    Args:
        engine: The ledger's database.
        topics: Where the transactions came from.
        since_ms: Event time, UTC milliseconds, included.
        maturity_ms: How long a label may take.
        bundle_sha256: Of the model that decided; None for every model.

    Returns:
        None before there is a watermark.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    with reading(engine) as connection:
        watermark_ms = watermark_of(connection)
        if watermark_ms is None:
            return None
        until_ms, d = watermark_ms - maturity_ms, decisions.c
        window = and_(d.event_time_ms >= since_ms, d.event_time_ms < until_ms, d.source_topic.in_(topics))
        if bundle_sha256 is not None:
            window = and_(window, d.bundle_sha256 == bundle_sha256)
        order = (d.event_time_ms, d.transaction_id)
        found = fetch_columns(connection, select(*_DECIDED).where(window).order_by(*order), len(_DECIDED))
        labelled = decisions.join(labels, labels.c.transaction_id == d.transaction_id)
        latest = (*order, labels.c.event_time_ms, labels.c.label_id)
        said = fetch_columns(connection, select(*SAID).select_from(labelled).where(window).order_by(*latest), len(SAID))
    ids, times, verdicts, arms, scores, partitions, offsets = found
    verdict, event_time_ms = verdict_codes(verdicts), np.array(times, dtype=np.int64)
    outcome = outcomes(
        verdict,
        event_time_ms,
        label_columns(labels_of(ids, said)),
        watermark_ms=watermark_ms,
        maturity_ms=maturity_ms,
    )
    sure = is_known(outcome)
    transaction_id = np.empty(len(ids), dtype=np.object_)
    transaction_id[:] = ids
    alerted = (verdict > 0) | (np.array(arms, dtype=np.object_) == "exploration")
    return Known(
        since_ms,
        until_ms,
        int((outcome == Outcome.CENSORED).sum()),
        transaction_id[sure],
        event_time_ms[sure],
        (outcome == Outcome.FRAUD)[sure],
        alerted[sure],
        np.array(scores, dtype=np.float64)[sure],
        np.array(partitions, dtype=np.int64)[sure],
        np.array(offsets, dtype=np.int64)[sure],
    )

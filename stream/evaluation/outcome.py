"""The outcome of a transaction, determined in one place for the gate, for metrics and for retraining."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Label, Verdict
from stream.scoring.policy import VERDICTS

#: Label sources, most trusted first: the bank that reversed the payment, an analyst, and the cardholder.
SOURCES = ("chargeback", "analyst", "cardholder")
_ANALYST = SOURCES.index("analyst")
_RETRACTED = -1
_CODES = {None: _RETRACTED, False: 0, True: 1}


class Outcome(IntEnum):
    """What is known about a transaction at a given watermark."""

    #: A label says that the transaction is legitimate.
    LEGITIMATE = 0
    #: A label says that the transaction is a fraud.
    FRAUD = 1
    #: The transaction was let through and has matured without a label.
    LEGITIMATE_BY_MATURITY = 2
    #: The transaction has no label, and has not matured yet.
    WAITING = 3
    #: The transaction has matured without a label, but was not let through, so nobody could report a fraud.
    CENSORED = 4


@dataclass(frozen=True)
class LabelColumns:
    """k labels for any of n transactions, in any order.

    Attributes:
        transaction: (k,) indices of the labelled transactions, in [0, n).
        source: (k,) label sources, as indices into `SOURCES`.
        event_time_ms: (k,) times at which the source learned the outcome, UTC milliseconds.
        label_id: (k,) label ids, as strings.
        fraud: (k,) 1 for fraud, 0 for legitimate, or -1 for a label that retracts the source's earlier labels.
    """

    transaction: NDArray[np.intp]
    source: NDArray[np.int8]
    event_time_ms: NDArray[np.int64]
    label_id: NDArray[np.object_]
    fraud: NDArray[np.int8]

    @classmethod
    def from_labels(cls, labels: Iterable[Label], index_of: Mapping[str, int]) -> "LabelColumns":
        """Return the labels for the given transactions as columns.

        Args:
            labels: Labels; those for transactions that are not in `index_of` are ignored.
            index_of: Index of each transaction by transaction id.
        """
        ours = [label for label in labels if label.transaction_id in index_of]
        return cls(
            np.array([index_of[label.transaction_id] for label in ours], dtype=np.intp),
            np.array([SOURCES.index(label.source) for label in ours], dtype=np.int8),
            np.array([label.event_time_ms for label in ours], dtype=np.int64),
            np.array([label.label_id for label in ours], dtype=np.object_),
            np.array([_CODES[label.fraud] for label in ours], dtype=np.int8),
        )


def outcome_of(
    verdict: Verdict, event_time_ms: int, labels: Iterable[Label], *, watermark_ms: int, maturity_ms: int
) -> Outcome:
    """Return the outcome of one transaction.

    For each source, only its latest label by event time counts. Ties go to the highest label_id; if an id is repeated
    with different content, fraud wins over legitimate, and legitimate over retracted. So the order of arrival never
    matters. A source whose latest label is a retraction does not count. Of the remaining sources, the first in
    `SOURCES` decides.

    If no source remains, the transaction is legitimate once it has matured (event_time_ms + maturity_ms ≤
    watermark_ms), provided that it was let through: approved (possibly by exploration), or released by an analyst's
    label. A release counts even if it was retracted later, because the money had left by then.

    Args:
        verdict: Final verdict on the transaction, after exploration.
        event_time_ms: Event time of the transaction, UTC milliseconds.
        labels: Labels for this transaction, in any order; repeated labels have no effect.
        watermark_ms: Event time up to which labels have been read, UTC milliseconds.
        maturity_ms: Time that a label may take to arrive, in milliseconds.

    >>> one = Label("l1", "t", "cardholder", fraud=True, event_time_ms=5)
    >>> outcome_of("approve", 0, [one], watermark_ms=10, maturity_ms=100).name
    'FRAUD'
    >>> outcome_of("approve", 0, [], watermark_ms=100, maturity_ms=100).name
    'LEGITIMATE_BY_MATURITY'
    >>> outcome_of("decline", 0, [], watermark_ms=100, maturity_ms=100).name
    'CENSORED'
    """
    all_labels = list(labels)
    latest: dict[str, Label] = {}
    for label in all_labels:
        if label.source not in latest or _recency(label) > _recency(latest[label.source]):
            latest[label.source] = label
    in_force = [latest[source].fraud for source in SOURCES if source in latest and latest[source].fraud is not None]
    if in_force:
        return Outcome.FRAUD if in_force[0] else Outcome.LEGITIMATE
    if event_time_ms + maturity_ms > watermark_ms:
        return Outcome.WAITING
    released = any(label.source == "analyst" and label.fraud is False for label in all_labels)
    return Outcome.LEGITIMATE_BY_MATURITY if verdict == "approve" or released else Outcome.CENSORED


def outcomes(
    verdicts: NDArray[np.integer],
    event_time_ms: NDArray[np.int64],
    labels: LabelColumns,
    *,
    watermark_ms: int,
    maturity_ms: int,
) -> NDArray[np.int8]:
    """Return the (n,) `Outcome` codes of n transactions: a vectorised `outcome_of`.

    Args:
        verdicts: (n,) final verdicts after exploration, as indices into `stream.scoring.policy.VERDICTS`.
        event_time_ms: (n,) event times, UTC milliseconds.
        labels: Labels for any of the transactions.
        watermark_ms: Event time up to which labels have been read, UTC milliseconds.
        maturity_ms: Time that a label may take to arrive, in milliseconds.
    """
    count = len(verdicts)
    by_source = np.full((len(SOURCES), count), _RETRACTED, dtype=np.int8)
    newest = _newest(labels)
    by_source[labels.source[newest], labels.transaction[newest]] = labels.fraud[newest]
    in_force = np.full(count, _RETRACTED, dtype=np.int8)
    for of_source in by_source[::-1]:
        in_force = np.where(of_source == _RETRACTED, in_force, of_source)
    let_through = verdicts == VERDICTS.index("approve")
    let_through[labels.transaction[(labels.source == _ANALYST) & (labels.fraud == 0)]] = True
    unlabelled = np.where(let_through, Outcome.LEGITIMATE_BY_MATURITY, Outcome.CENSORED)
    unlabelled[event_time_ms + maturity_ms > watermark_ms] = Outcome.WAITING
    return np.where(in_force == _RETRACTED, unlabelled, in_force).astype(np.int8)


def is_resolved(outcome: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return (n,) whether each outcome is known to be fraud or legitimate, by label or by maturity."""
    return outcome <= Outcome.LEGITIMATE_BY_MATURITY


def _recency(label: Label) -> tuple[int, str, int]:
    return label.event_time_ms, label.label_id, _CODES[label.fraud]


def _newest(labels: LabelColumns) -> NDArray[np.intp]:
    """Return the index of each source's latest label for each transaction."""
    if not len(labels.label_id):
        return np.empty(0, dtype=np.intp)
    # Rank the ids first: lexsort cannot compare Python strings, and numpy's own strings drop trailing NULs.
    rank = np.unique(labels.label_id, return_inverse=True)[1]
    order = np.lexsort((labels.fraud, rank, labels.event_time_ms, labels.source, labels.transaction))
    transaction, source = labels.transaction[order], labels.source[order]
    last = np.append((np.diff(transaction) != 0) | (np.diff(source) != 0), True)
    newest: NDArray[np.intp] = order[last]
    return newest

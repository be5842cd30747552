"""What is known about a transaction: the one place that decides it, for the gate, for metrics and for retraining."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Label, Verdict
from stream.scoring.policy import VERDICTS

#: Whom to believe first: the bank that took the money back, then who looked, then who says so.
SOURCES = ("chargeback", "analyst", "cardholder")
_ANALYST = SOURCES.index("analyst")
_RETRACTED = -1
_CODES = {None: _RETRACTED, False: 0, True: 1}


class Outcome(IntEnum):
    """What became of a transaction, as far as is known at a watermark."""

    #: A label says so.
    LEGITIMATE = 0
    #: A label says so.
    FRAUD = 1
    #: It went through, is old enough, and nobody complained.
    LEGITIMATE_BY_MATURITY = 2
    #: Not old enough for the absence of a label to mean anything.
    WAITING = 3
    #: Old enough, but it never went through, so nobody could complain.
    CENSORED = 4


@dataclass(frozen=True)
class LabelColumns:
    """Any number k of labels of any of n transactions, in any order.

    Attributes:
        transaction: (k,) index of the labelled transaction, in [0, n).
        source: (k,) index into `SOURCES`.
        event_time_ms: (k,) when the source came to know.
        label_id: (k,) str.
        fraud: (k,) 1, 0, or -1 for a label that takes back what its source said.
    """

    transaction: NDArray[np.intp]
    source: NDArray[np.int8]
    event_time_ms: NDArray[np.int64]
    label_id: NDArray[np.object_]
    fraud: NDArray[np.int8]

    @classmethod
    def of(cls, labels: Iterable[Label], place: Mapping[str, int]) -> "LabelColumns":
        """Return the labels of those transactions that have a place, {transaction_id: index}."""
        ours = [label for label in labels if label.transaction_id in place]
        return cls(
            np.array([place[label.transaction_id] for label in ours], dtype=np.intp),
            np.array([SOURCES.index(label.source) for label in ours], dtype=np.int8),
            np.array([label.event_time_ms for label in ours], dtype=np.int64),
            np.array([label.label_id for label in ours], dtype=np.object_),
            np.array([_CODES[label.fraud] for label in ours], dtype=np.int8),
        )


def outcome_of(
    verdict: Verdict, event_time_ms: int, labels: Iterable[Label], *, watermark_ms: int, maturity_ms: int
) -> Outcome:
    """Decide about one transaction.

    Of the sources that say something, the first of `SOURCES` is believed. What a source says is its latest label by
    event time; of several at one time the highest label_id, and should that be repeated with another content, fraud
    over legitimate over retracted: so the order of arrival never matters. A retracted source says nothing.

    Without a standing label, a transaction is legitimate once it is mature, event_time_ms + maturity_ms ≤
    watermark_ms, if it went through: it was approved (an explored would-be decline is), or some analyst's label
    released it, even one that was taken back later, for the money was gone.

    Args:
        verdict: As decided, after exploration.
        event_time_ms: Of the transaction.
        labels: Of this transaction, in any order; repeated ones do no harm.
        watermark_ms: Up to where labels are known to be read.
        maturity_ms: How long a label may take.

    >>> one = Label("l1", "t", "cardholder", fraud=True, event_time_ms=5)
    >>> outcome_of("approve", 0, [one], watermark_ms=10, maturity_ms=100).name
    'FRAUD'
    >>> outcome_of("approve", 0, [], watermark_ms=100, maturity_ms=100).name
    'LEGITIMATE_BY_MATURITY'
    >>> outcome_of("decline", 0, [], watermark_ms=100, maturity_ms=100).name
    'CENSORED'
    """
    known = list(labels)
    latest: dict[str, Label] = {}
    for label in known:
        if label.source not in latest or _recency(label) > _recency(latest[label.source]):
            latest[label.source] = label
    said = [latest[source].fraud for source in SOURCES if source in latest and latest[source].fraud is not None]
    if said:
        return Outcome.FRAUD if said[0] else Outcome.LEGITIMATE
    if event_time_ms + maturity_ms > watermark_ms:
        return Outcome.WAITING
    released = any(label.source == "analyst" and label.fraud is False for label in known)
    return Outcome.LEGITIMATE_BY_MATURITY if verdict == "approve" or released else Outcome.CENSORED


def outcomes(
    verdicts: NDArray[np.integer],
    event_time_ms: NDArray[np.int64],
    labels: LabelColumns,
    *,
    watermark_ms: int,
    maturity_ms: int,
) -> NDArray[np.int8]:
    """Return (n,) `Outcome` codes: `outcome_of` for many at once.

    Args:
        verdicts: (n,) indices into `stream.scoring.policy.VERDICTS`, as decided, after exploration.
        event_time_ms: (n,) of the transactions.
        labels: Of any of them.
        watermark_ms: As for `outcome_of`.
        maturity_ms: As for `outcome_of`.
    """
    count = len(verdicts)
    said = np.full((len(SOURCES), count), _RETRACTED, dtype=np.int8)
    newest = _newest(labels)
    said[labels.source[newest], labels.transaction[newest]] = labels.fraud[newest]
    standing = np.full(count, _RETRACTED, dtype=np.int8)
    for of_source in said[::-1]:
        standing = np.where(of_source == _RETRACTED, standing, of_source)
    through = verdicts == VERDICTS.index("approve")
    through[labels.transaction[(labels.source == _ANALYST) & (labels.fraud == 0)]] = True
    unlabelled = np.where(through, Outcome.LEGITIMATE_BY_MATURITY, Outcome.CENSORED)
    unlabelled[event_time_ms + maturity_ms > watermark_ms] = Outcome.WAITING
    return np.where(standing == _RETRACTED, unlabelled, standing).astype(np.int8)


def is_resolved(outcome: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return (n,) whether an outcome is fraud or legitimate, by whatever way it is known."""
    return outcome <= Outcome.LEGITIMATE_BY_MATURITY


def _recency(label: Label) -> tuple[int, str, int]:
    return label.event_time_ms, label.label_id, _CODES[label.fraud]


def _newest(labels: LabelColumns) -> NDArray[np.intp]:
    """Return the places of what each source last said about each transaction."""
    if not len(labels.label_id):
        return np.empty(0, dtype=np.intp)
    # Ranks, since lexsort cannot compare Python's strings, and numpy's own would drop what follows a NUL.
    rank = np.unique(labels.label_id, return_inverse=True)[1]
    order = np.lexsort((labels.fraud, rank, labels.event_time_ms, labels.source, labels.transaction))
    transaction, source = labels.transaction[order], labels.source[order]
    last = np.append((np.diff(transaction) != 0) | (np.diff(source) != 0), True)
    newest: NDArray[np.intp] = order[last]
    return newest

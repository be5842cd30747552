"""Columns of judged history: decisions beside a challenger, and what became known about them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Texts = NDArray[np.object_]
Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class ModelIdentity(Struct, frozen=True):
    """What makes a decision: a bundle and the policy over it."""

    bundle_sha256: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of some decisions, those taken back included; (k,) each, by decision and then by time.

    Attributes:
        decision: Index of the decision it is of.
        source: chargeback, analyst or cardholder.
        fraud: 1 fraud, 0 legitimate, -1 the source takes back what it said.
        event_time_ms: When the source came to know, UTC milliseconds.
        ingested_at_ms: When the ledger read it, UTC milliseconds.
    """

    decision: NDArray[np.int64]
    source: Texts
    fraud: NDArray[np.int8]
    event_time_ms: Integers
    ingested_at_ms: Integers


@dataclass(frozen=True, slots=True)
class Matured:
    """Decisions of one champion and one challenger about the same transactions; (n,) each, by event time.

    Attributes:
        transaction_id: The transaction.
        card_id: Its card.
        event_time_ms: UTC milliseconds.
        amount_minor: Minor units; NaN in messages of before the ledger.
        currency: ISO 4217; empty likewise.
        arm: Who decided: champion, challenger, fallback, exploration.
        propensity: Probability with which the transaction got to that arm.
        by_challenger: Whether the challenger's model decided.
        role_epoch: Of the roles of then.
        verdict: What was done.
        champion_score: In [0, 1]; NaN where it could not score.
        champion_verdict: What it says, also where it did not decide; None where it could not score.
        challenger_score: Likewise.
        challenger_verdict: Likewise.
        labels: Of these decisions.
    """

    transaction_id: Texts
    card_id: Texts
    event_time_ms: Integers
    amount_minor: Numbers
    currency: Texts
    arm: Texts
    propensity: Numbers
    by_challenger: Flags
    role_epoch: Integers
    verdict: Texts
    champion_score: Numbers
    champion_verdict: Texts
    challenger_score: Numbers
    challenger_verdict: Texts
    labels: Labels

    def __len__(self) -> int:
        return len(self.transaction_id)


def from_columns(found: list[list[Any]], said: list[list[Any]], challenger: ModelIdentity) -> Matured:
    """Make history of what `stream.ledger.repository` asked for.

    Args:
        found: Its columns of decisions and shadow scores.
        said: Its columns of labels, each of one of these decisions.
        challenger: Which of the two models is the challenger.
    """
    ids, cards, times, amounts, currencies, arms, propensities, verdicts, scores, *rest = found
    bundles, policies, epochs, others, watched = rest
    by_challenger = np.array(
        [ModelIdentity(*each) == challenger for each in zip(bundles, policies, strict=True)], dtype=np.bool_
    )
    arm = _texts(arms)
    done = _texts(verdicts)
    # An explored transaction is one that its model would have declined.
    deciding = np.where(arm == "exploration", "decline", done).astype(np.object_)
    score, other = _numbers(scores), _numbers(others)
    shadow = _texts(watched)
    return Matured(
        transaction_id=_texts(ids),
        card_id=_texts(cards),
        event_time_ms=np.array(times, dtype=np.int64),
        amount_minor=_numbers(amounts),
        currency=_texts([currency or "" for currency in currencies]),
        arm=arm,
        propensity=_numbers(propensities),
        by_challenger=by_challenger,
        role_epoch=np.array(epochs, dtype=np.int64),
        verdict=done,
        champion_score=np.where(by_challenger, other, score),
        champion_verdict=np.where(by_challenger, shadow, deciding),
        challenger_score=np.where(by_challenger, score, other),
        challenger_verdict=np.where(by_challenger, deciding, shadow),
        labels=labels_of(ids, said),
    )


def labels_of(transaction_ids: list[str], said: list[list[Any]]) -> Labels:
    """Make labels of what `stream.ledger.repository` asked for.

    Args:
        transaction_ids: Of the decisions, in their order.
        said: Columns of labels, each of one of these decisions.
    """
    place = {transaction_id: index for index, transaction_id in enumerate(transaction_ids)}
    return Labels(
        decision=np.array([place[transaction_id] for transaction_id in said[0]], dtype=np.int64),
        source=_texts(said[1]),
        fraud=np.array([-1 if fraud is None else int(fraud) for fraud in said[2]], dtype=np.int8),
        event_time_ms=np.array(said[3], dtype=np.int64),
        ingested_at_ms=np.array(said[4], dtype=np.int64),
    )


def _texts(values: list[Any]) -> Texts:
    column = np.empty(len(values), dtype=np.object_)
    column[:] = values
    return column


def _numbers(values: list[Any]) -> Numbers:
    return np.array(values, dtype=np.float64)  # None becomes NaN

"""Columns of the ledger's history: decisions, the champion's and challenger's scores and verdicts, and labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

TextArray = NDArray[np.object_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class ModelIdentity(Struct, frozen=True):
    """A bundle together with the policy that turns its scores into verdicts."""

    bundle_sha256: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class Labels:
    """All k labels of some decisions, including retracted labels, sorted by decision, then by event time.

    Attributes:
        decision: Index of the labelled decision.
        source: Source of the label: chargeback, analyst or cardholder.
        fraud: 1 for fraud, 0 for legitimate, -1 where the source retracts its earlier label.
        event_time_ms: Time at which the source learned the outcome, UTC milliseconds.
        ingested_at_ms: Time at which the ledger read the label, UTC milliseconds.
    """

    decision: NDArray[np.int64]
    source: TextArray
    fraud: NDArray[np.int8]
    event_time_ms: IntArray
    ingested_at_ms: IntArray


@dataclass(frozen=True, slots=True)
class MaturedDecisions:
    """The n transactions that both a champion and a challenger took part in, sorted by event time.

    Attributes:
        transaction_id: Transaction ids.
        card_id: Card ids.
        event_time_ms: Event times, UTC milliseconds.
        amount_minor: Amounts in minor units; NaN where the message carries no amount.
        currency: ISO 4217 codes; empty where the message carries no currency.
        arm: Arm that decided: champion, challenger, fallback or exploration.
        propensity: Probability with which the transaction was assigned to its arm.
        by_challenger: Whether the challenger's model decided.
        role_epoch: Epoch of the roles that were in force.
        verdict: Verdict that was carried out.
        champion_score: Champion's score in [0, 1]; NaN where it could not score.
        champion_verdict: Verdict of the champion's policy, whether or not the champion decided; None where it could not
            score.
        challenger_score: Challenger's score in [0, 1]; NaN where it could not score.
        challenger_verdict: Verdict of the challenger's policy, whether or not the challenger decided; None where it
            could not score.
        labels: Labels of these decisions.
    """

    transaction_id: TextArray
    card_id: TextArray
    event_time_ms: IntArray
    amount_minor: FloatArray
    currency: TextArray
    arm: TextArray
    propensity: FloatArray
    by_challenger: BoolArray
    role_epoch: IntArray
    verdict: TextArray
    champion_score: FloatArray
    champion_verdict: TextArray
    challenger_score: FloatArray
    challenger_verdict: TextArray
    labels: Labels

    def __len__(self) -> int:
        return len(self.transaction_id)


def matured_from_columns(
    decided: list[list[Any]], labelled: list[list[Any]], challenger: ModelIdentity
) -> MaturedDecisions:
    """Build `MaturedDecisions` from the columns that `stream.ledger.repository` selects.

    Args:
        decided: Columns of decisions joined with shadow scores.
        labelled: Columns of the labels of these decisions.
        challenger: Identity of the challenger; the other model is the champion.
    """
    ids, cards, times, amounts, currencies, arms, propensities, verdicts, scores, *rest = decided
    bundles, policies, epochs, shadow_scores, shadow_verdicts = rest
    by_challenger = np.array(
        [ModelIdentity(*each) == challenger for each in zip(bundles, policies, strict=True)], dtype=np.bool_
    )
    arm = text_array(arms)
    verdict = text_array(verdicts)
    # Exploration only lets through transactions that the deciding model would have declined.
    own_verdict = np.where(arm == "exploration", "decline", verdict).astype(np.object_)
    score, shadow_score = _float_array(scores), _float_array(shadow_scores)
    shadow_verdict = text_array(shadow_verdicts)
    return MaturedDecisions(
        transaction_id=text_array(ids),
        card_id=text_array(cards),
        event_time_ms=np.array(times, dtype=np.int64),
        amount_minor=_float_array(amounts),
        currency=text_array([currency or "" for currency in currencies]),
        arm=arm,
        propensity=_float_array(propensities),
        by_challenger=by_challenger,
        role_epoch=np.array(epochs, dtype=np.int64),
        verdict=verdict,
        champion_score=np.where(by_challenger, shadow_score, score),
        champion_verdict=np.where(by_challenger, shadow_verdict, own_verdict),
        challenger_score=np.where(by_challenger, score, shadow_score),
        challenger_verdict=np.where(by_challenger, own_verdict, shadow_verdict),
        labels=labels_from_columns(ids, labelled),
    )


def labels_from_columns(transaction_ids: list[str], labelled: list[list[Any]]) -> Labels:
    """Build `Labels` from the columns that `stream.ledger.repository` selects.

    Args:
        transaction_ids: Transaction ids of the decisions, in order.
        labelled: Columns of the labels of these decisions.
    """
    index_of = {transaction_id: index for index, transaction_id in enumerate(transaction_ids)}
    return Labels(
        decision=np.array([index_of[transaction_id] for transaction_id in labelled[0]], dtype=np.int64),
        source=text_array(labelled[1]),
        fraud=np.array([-1 if fraud is None else int(fraud) for fraud in labelled[2]], dtype=np.int8),
        event_time_ms=np.array(labelled[3], dtype=np.int64),
        ingested_at_ms=np.array(labelled[4], dtype=np.int64),
    )


def text_array(values: list[Any]) -> TextArray:
    """Return values of any type as a one-dimensional array of objects."""
    column = np.empty(len(values), dtype=np.object_)
    column[:] = values
    return column


def _float_array(values: list[Any]) -> FloatArray:
    return np.array(values, dtype=np.float64)  # None becomes NaN

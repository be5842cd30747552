"""Makes decisions from model scores: which model decides, which declines are let through, and the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Decision, Reason
from schemas.version import ENGINE
from stream.scoring.accepted_rows import AcceptedRows
from stream.scoring.arms import CHALLENGER, CHAMPION, EXPLORATION, FALLBACK, draw_arms, draw_explored
from stream.scoring.decision_id import decision_id
from stream.scoring.model import Roles
from stream.scoring.model_scores import ModelScores
from stream.scoring.policy import VERDICTS
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.reasons import explain

T = TypeVar("T", bound=np.generic)
_DECLINE = VERDICTS.index("decline")


@dataclass(frozen=True, slots=True)
class AssignedArms:
    """For each of n transactions, the model that decides, the arm, and the verdict after exploration."""

    #: (n,) index of the model that decides; 0 stands for the champion.
    deciding: NDArray[np.intp]
    arms: list[str]
    propensities: list[float]
    #: (n,) verdicts after exploration, as indices into `VERDICTS`.
    severities: NDArray[np.intp]


def assign_arms(roles: Roles, model_scores: Sequence[ModelScores], rows: AcceptedRows) -> AssignedArms:
    """Draw the arm of each card, and then the would-be declines that are let through.

    If an arm's challenger has no score for a transaction, the champion decides on the transaction.

    Args:
        roles: Roles under which the batch is decided, with shares, exploration and salt.
        model_scores: Scores from the champion, then from each challenger, over the same rows.
        rows: The n transactions to decide on.
    """
    count = len(rows.transactions)
    deciding = np.zeros(count, dtype=np.intp)
    split = any(challenger.share for challenger in roles.challengers)
    if not split and roles.exploration is None:  # nothing to draw
        return AssignedArms(deciding, [CHAMPION] * count, [1.0] * count, model_scores[0].severities)
    arms = np.full(count, CHAMPION, dtype=object)
    propensities = np.ones(count)
    if split:
        shares = [challenger.share for challenger in roles.challengers]
        drawn = draw_arms(shares, roles.salt, [transaction.card_id for transaction in rows.transactions])
        deciding = np.where(_has_score(model_scores)[drawn, np.arange(count)], drawn, 0)
        arms[deciding > 0] = CHALLENGER
        arms[deciding != drawn] = FALLBACK
        propensities = np.array([1 - sum(shares), *shares])[drawn]
    severities = _of_deciding_model(deciding, [scored.severities for scored in model_scores])
    if roles.exploration is not None:
        capped = (severities == _DECLINE) & (rows.amounts <= roles.exploration.max_amount_minor)
        eligible = np.flatnonzero(capped)
        share = roles.exploration.share
        explored = draw_explored(share, roles.salt, [rows.transactions[i].transaction_id for i in eligible])
        propensities[eligible] *= np.where(explored, share, 1 - share)
        arms[eligible[explored]] = EXPLORATION
        severities = severities.copy()  # the model's own severities must stay as they are
        severities[eligible[explored]] = VERDICTS.index("approve")
    return AssignedArms(deciding, arms.tolist(), propensities.tolist(), severities)


def decide(
    roles: Roles,
    model_scores: Sequence[ModelScores],
    rows: AcceptedRows,
    assigned: AssignedArms,
    *,
    batch: RawBatch,
    scoring_time: ScoringTime,
    max_reasons: int,
) -> list[Decision]:
    """Return the decisions on n transactions.

    Args:
        roles: Roles under which the batch is decided.
        model_scores: Scores from the champion, then from each challenger, over the same rows.
        rows: The n transactions to decide on.
        assigned: Arms and verdicts of the n transactions.
        batch: Raw batch that the rows come from.
        scoring_time: Time at which the batch is scored, for each decision's envelope.
        max_reasons: Largest number of reasons to give for an alert.
    """
    epoch, topic = roles.epoch, batch.topic
    signatures = [
        (model.manifest.name, model.manifest.version, model.sha256, in_role.policy.version)
        for model, in_role in ((scored.model_in_role.model, scored.model_in_role) for scored in model_scores)
    ]
    scores = _of_deciding_model(assigned.deciding, [scored.scores for scored in model_scores])
    limits = _of_deciding_model(assigned.deciding, [scored.thresholds for scored in model_scores])
    reasons = _reasons(model_scores, assigned, max_reasons)
    decisions = []
    for i, (transaction, index, score, limit, verdict, deciding, arm, propensity) in enumerate(
        zip(
            rows.transactions,
            rows.indices.tolist(),
            scores.tolist(),
            limits.tolist(),
            assigned.severities.tolist(),
            assigned.deciding.tolist(),
            assigned.arms,
            assigned.propensities,
            strict=True,
        )
    ):
        name, version, sha256, policy_version = signatures[deciding]
        partition, offset = batch.partitions[index], batch.offsets[index]
        decisions.append(
            Decision(
                decision_id(topic, partition, offset, epoch),
                transaction.transaction_id,
                transaction.card_id,
                transaction.event_time_ms,
                score,
                limit,
                VERDICTS[verdict],
                name,
                version,
                sha256,
                policy_version,
                epoch,
                arm,
                propensity,
                reasons.get(i, ()),
                topic,
                partition,
                offset,
                scoring_time.scored_at_ms,
                scoring_time.latency_ms,
                transaction.amount_minor,
                transaction.currency,
                ENGINE,
            )
        )
    return decisions


def _reasons(
    model_scores: Sequence[ModelScores], assigned: AssignedArms, max_reasons: int
) -> dict[int, tuple[Reason, ...]]:
    """Return the reasons for each alert, by row, computed with the model that decided."""
    reasons: dict[int, tuple[Reason, ...]] = {}
    if not assigned.severities.any():
        return reasons
    for number, scored in enumerate(model_scores):
        alerts = np.flatnonzero((assigned.severities > 0) & (assigned.deciding == number))
        if len(alerts):
            model = scored.model_in_role.model
            explained = explain(model, scored.matrix[alerts], scored.scores[alerts], max_reasons)
            reasons |= dict(zip(alerts.tolist(), explained, strict=True))
    return reasons


def _of_deciding_model(deciding: NDArray[np.intp], by_model: Sequence[NDArray[T]]) -> NDArray[T]:
    """Return (n,) values, each from the model that decides on the row; `by_model` has (n,) values for each model."""
    return np.stack(by_model)[deciding, np.arange(len(deciding))] if deciding.any() else by_model[0]


def _has_score(model_scores: Sequence[ModelScores]) -> NDArray[np.bool_]:
    """Return a (models, n) mask that is true where the model has a score for the transaction."""
    return ~np.isnan(np.stack([scored.scores for scored in model_scores]))

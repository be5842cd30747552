"""From judgements to decisions: who decides about each transaction, what may be let through, and why it alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Decision, Reason
from stream.scoring.arms import CHALLENGER, CHAMPION, EXPLORATION, FALLBACK, draw_arms, draw_explored
from stream.scoring.decision_id import decision_id
from stream.scoring.incoming import Incoming, Moment
from stream.scoring.judgement import Judgement
from stream.scoring.model import Roles
from stream.scoring.policy import VERDICTS
from stream.scoring.reasons import explain
from stream.scoring.rows import Rows

T = TypeVar("T", bound=np.generic)
_DECLINE = VERDICTS.index("decline")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Who decides about each of n transactions, and what becomes of it."""

    #: (n,) index of the judgement that decides: 0 is the champion's.
    by: NDArray[np.intp]
    arms: list[str]
    propensities: list[float]
    #: (n,) indices into `VERDICTS`, after exploration.
    severities: NDArray[np.intp]


def draw(roles: Roles, judgements: Sequence[Judgement], rows: Rows) -> Drawn:
    """Draw the arm of each card, then the would-be declines that are let through.

    Args:
        roles: Shares, exploration and salt.
        judgements: The champion's, then each challenger's, over the same rows.
        rows: The n transactions.
    """
    count = len(rows.transactions)
    by = np.zeros(count, dtype=np.intp)
    split = any(player.share for player in roles.challengers)
    if not split and roles.exploration is None:  # nothing to draw
        return Drawn(by, [CHAMPION] * count, [1.0] * count, judgements[0].severities)
    arms = np.full(count, CHAMPION, dtype=object)
    propensities = np.ones(count)
    if split:
        shares = [player.share for player in roles.challengers]
        drawn = draw_arms(shares, roles.salt, [transaction.card_id for transaction in rows.transactions])
        by = np.where(_has_score(judgements)[drawn, np.arange(count)], drawn, 0)
        arms[by > 0] = CHALLENGER
        arms[by != drawn] = FALLBACK
        propensities = np.array([1 - sum(shares), *shares])[drawn]
    severities = _by_whom(by, [judgement.severities for judgement in judgements])
    if roles.exploration is not None:
        capped = (severities == _DECLINE) & (rows.amounts <= roles.exploration.max_amount_minor)
        may = np.flatnonzero(capped)
        share = roles.exploration.share
        through = draw_explored(share, roles.salt, [rows.transactions[i].transaction_id for i in may])
        propensities[may] *= np.where(through, share, 1 - share)
        arms[may[through]] = EXPLORATION
        severities = severities.copy()  # the judgement's own is what it would have decided
        severities[may[through]] = VERDICTS.index("approve")
    return Drawn(by, arms.tolist(), propensities.tolist(), severities)


def decide(
    roles: Roles,
    judgements: Sequence[Judgement],
    rows: Rows,
    drawn: Drawn,
    *,
    incoming: Incoming,
    moment: Moment,
    max_reasons: int,
) -> list[Decision]:
    """Write the decisions.

    Args:
        roles: Whose epoch they carry.
        judgements: As for `draw`.
        rows: The n transactions.
        drawn: Who decides about each.
        incoming: Where they came from.
        moment: The envelope's clock.
        max_reasons: Named on an alert.
    """
    epoch, topic = roles.epoch, incoming.topic
    signatures = [
        (model.manifest.name, model.manifest.version, model.sha256, player.policy.version)
        for model, player in ((judgement.player.model, judgement.player) for judgement in judgements)
    ]
    scores = _by_whom(drawn.by, [judgement.scores for judgement in judgements])
    limits = _by_whom(drawn.by, [judgement.thresholds for judgement in judgements])
    reasons = _reasons(judgements, drawn, max_reasons)
    decisions = []
    for i, (transaction, place, score, limit, verdict, by, arm, propensity) in enumerate(
        zip(
            rows.transactions,
            rows.places.tolist(),
            scores.tolist(),
            limits.tolist(),
            drawn.severities.tolist(),
            drawn.by.tolist(),
            drawn.arms,
            drawn.propensities,
            strict=True,
        )
    ):
        name, version, sha256, policy_version = signatures[by]
        partition, offset = incoming.partitions[place], incoming.offsets[place]
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
                moment.scored_at_ms,
                moment.latency_ms,
                transaction.amount_minor,
                transaction.currency,
            )
        )
    return decisions


def _reasons(judgements: Sequence[Judgement], drawn: Drawn, most: int) -> dict[int, tuple[Reason, ...]]:
    found: dict[int, tuple[Reason, ...]] = {}
    if not drawn.severities.any():
        return found
    for number, judgement in enumerate(judgements):
        alerts = np.flatnonzero((drawn.severities > 0) & (drawn.by == number))
        if len(alerts):
            model = judgement.player.model
            why = explain(model, judgement.matrix[alerts], judgement.scores[alerts], most)
            found |= dict(zip(alerts.tolist(), why, strict=True))
    return found


def _by_whom(by: NDArray[np.intp], said: Sequence[NDArray[T]]) -> NDArray[T]:
    """Return (n,) what whoever decides about each transaction said of it."""
    return np.stack(said)[by, np.arange(len(by))] if by.any() else said[0]


def _has_score(judgements: Sequence[Judgement]) -> NDArray[np.bool_]:
    """Return (judgements, n), whether there is a score."""
    return ~np.isnan(np.stack([judgement.scores for judgement in judgements]))

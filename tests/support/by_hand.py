"""Feature vectors and verdicts reckoned from a transaction's JSON, one at a time, without the stream's own code."""

import math
from datetime import UTC, datetime
from typing import Any

from schemas.manifest import Feature, Manifest
from schemas.messages import Policy


def vector(transaction: dict[str, Any], manifest: Manifest) -> list[float]:
    """Return the values of a decoded transaction in manifest order, NaN where null is left to the model."""
    return [_value(transaction, feature, manifest) for feature in manifest.features]


def _value(transaction: dict[str, Any], feature: Feature, manifest: Manifest) -> float:
    amount = transaction["amount_minor"]
    moment = datetime.fromtimestamp(transaction["event_time_ms"] / 1000, UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    angle = math.tau * (moment - midnight).total_seconds() / 86_400
    made = {
        "amount_minor": amount,
        "log_amount": math.log(1 + amount),
        "hour_sin": math.sin(angle),
        "hour_cos": math.cos(angle),
    }
    if feature.kind in made:
        return float(made[feature.kind])
    given = transaction["features"][feature.name]
    if given is None:
        return feature.median if manifest.missing == "median" else math.nan
    if feature.kind == "categorical":
        known = feature.categories
        return float(known.index(given) if given in known else len(known))
    return float(given)


def above_review(score: float, policy: Policy, amount_minor: int) -> float:
    """Return how far a score is above the lowest that is reviewed; negative where it is not reviewed."""
    if policy.kind == "score":
        return score - policy.review
    return score - policy.review_cost_minor / amount_minor if amount_minor else -1.0

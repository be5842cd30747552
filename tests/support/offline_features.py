"""Feature vectors and verdicts computed from a transaction's JSON, independently of the stream's own code."""

import math
from datetime import UTC, datetime
from typing import Any

from schemas.manifest import Feature, Manifest
from schemas.messages import Policy


def offline_vector(transaction: dict[str, Any], manifest: Manifest) -> list[float]:
    """Return the features of a decoded transaction in manifest order, with NaN for a null that the model handles."""
    return [_value(transaction, feature, manifest) for feature in manifest.features]


def _value(transaction: dict[str, Any], feature: Feature, manifest: Manifest) -> float:
    amount = transaction["amount_minor"]
    time = datetime.fromtimestamp(transaction["event_time_ms"] / 1000, UTC)
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    angle = math.tau * (time - midnight).total_seconds() / 86_400
    derived = {
        "amount_minor": amount,
        "log_amount": math.log(1 + amount),
        "hour_sin": math.sin(angle),
        "hour_cos": math.cos(angle),
    }
    if feature.kind in derived:
        return float(derived[feature.kind])
    value = transaction["features"][feature.name]
    if value is None:
        return feature.median if manifest.missing == "median" else math.nan
    if feature.kind == "categorical":
        categories = feature.categories
        return float(categories.index(value) if value in categories else len(categories))
    return float(value)


def margin_to_review(score: float, policy: Policy, amount_minor: int) -> float:
    """Return how far a score is above the lowest score that leads to a review; negative if the score is below."""
    if policy.kind == "score":
        return score - policy.review
    return score - policy.review_cost_minor / amount_minor if amount_minor else -1.0

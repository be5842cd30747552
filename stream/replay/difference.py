"""Field-by-field comparison of two decisions about the same transaction."""

from typing import Any

import msgspec

from schemas.messages import Decision

#: Largest difference between scores that count as equal. The last digits of a logistic model's score depend on the
#: batch size; a tree model's scores are identical at any batch size.
TOLERANCE = 1e-6
#: Fields of the envelope, which are never compared.
_ENVELOPE = ("scored_at_ms", "latency_ms", "engine")
#: Fields that are missing in decisions from before the ledger existed.
_ADDED_LATER = ("amount_minor", "currency")


def differences(then: Decision, now: Decision) -> dict[str, tuple[Any, Any]]:
    """Return the original and the new value of each field that differs, except for envelope fields.

    Scores and contributions count as equal within `TOLERANCE`; everything else must be exactly equal.
    """
    before, after = msgspec.to_builtins(then), msgspec.to_builtins(now)
    different = {}
    for field, value in before.items():
        if field in _ENVELOPE or (field in _ADDED_LATER and value is None):
            continue
        if not _equal(value, after[field]):
            different[field] = (value, after[field])
    return different


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())
    return bool(one == other)

"""Whether two decisions about one transaction say the same, and if not, where they part."""

from typing import Any

import msgspec

from schemas.messages import Decision

#: Of scores: what a logistic model's last digits owe to the size of its batch. Trees give the same bits at any size.
TOLERANCE = 1e-6
#: The envelope, and what messages of before the ledger do not carry.
_CLOCK = ("scored_at_ms", "latency_ms")
_LATER = ("amount_minor", "currency")


def differences(then: Decision, now: Decision) -> dict[str, tuple[Any, Any]]:
    """Return by field what was decided then and what is now, where they differ by more than the clock.

    Scores and contributions are equal within `TOLERANCE`, thresholds and all else exactly.
    """
    before, after = msgspec.to_builtins(then), msgspec.to_builtins(now)
    found = {}
    for field, value in before.items():
        if field in _CLOCK or (field in _LATER and value is None):
            continue
        if not _same(value, after[field]):
            found[field] = (value, after[field])
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    return bool(one == other)

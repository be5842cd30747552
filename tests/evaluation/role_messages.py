"""Sample messages for the topics `role-counts` and `model-updates`."""

from typing import Any

from msgspec.structs import replace

from schemas.messages import BundleRef, ModelCounts, ModelUpdate, RoleCounts

#: Histogram of 1,000 scores; a tenth is in bin 21, the lowest that alerts.
SCORES = tuple({5: 900, 21: 100}.get(number, 0) for number in range(32))
_MODEL_COUNTS = ModelCounts("fraud", "1", "1" * 64, "p", True, 1000, 100, 0, 0, SCORES)  # noqa: FBT003 - message order
_ROLE_COUNTS = RoleCounts("0", "i", 1, 1, 0, (0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0), (_MODEL_COUNTS,))


def model_counts(version: str = "1", **fields: Any) -> ModelCounts:
    """Return the counts of one model, by default for a block of 1,000 transactions with 10 % alerts."""
    return replace(_MODEL_COUNTS, version=version, bundle_sha256=version.rjust(64, "0"), **fields)


def role_counts(*models: ModelCounts, **fields: Any) -> RoleCounts:
    """Return a worker's message with the counts of these models."""
    return replace(_ROLE_COUNTS, players=models, **fields)


def ref(version: str) -> BundleRef:
    """Return a reference to the bundle with this version."""
    return BundleRef("fraud", version, f"fraud/{version}", version.rjust(64, "0"))


def update(epoch: int, champion: str, previous: str | None = None, **fields: Any) -> ModelUpdate:
    """Return an assignment of roles with this champion."""
    before = ref(previous) if previous else None
    return replace(ModelUpdate(epoch, ref(champion), 0, "test", previous=before), **fields)

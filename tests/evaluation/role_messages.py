"""Messages of `role-counts` and assignments for tests."""

from typing import Any

from msgspec.structs import replace

from schemas.messages import BundleRef, ModelUpdate, ModelCounts, RoleCounts

#: Scores of which every tenth is in bin 21, the lowest that alerts.
SCORES = tuple({5: 900, 21: 100}.get(number, 0) for number in range(32))
_PLAYER = ModelCounts("fraud", "1", "1" * 64, "p", True, 1000, 100, 0, 0, SCORES)  # noqa: FBT003 - as it stands in the message
_COUNTS = RoleCounts("0", "i", 1, 1, 0, (0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0), (_PLAYER,))


def player(version: str = "1", **fields: Any) -> ModelCounts:
    """Return what a model said: a block of 1,000 transactions, a tenth of which alert, unless told otherwise."""
    return replace(_PLAYER, version=version, bundle_sha256=version.rjust(64, "0"), **fields)


def counts(*players: ModelCounts, **fields: Any) -> RoleCounts:
    """Return a worker's message."""
    return replace(_COUNTS, players=players, **fields)


def ref(version: str) -> BundleRef:
    """Return the reference of a model's bundle."""
    return BundleRef("fraud", version, f"fraud/{version}", version.rjust(64, "0"))


def update(epoch: int, champion: str, previous: str | None = None, **fields: Any) -> ModelUpdate:
    """Return an assignment."""
    before = ref(previous) if previous else None
    return replace(ModelUpdate(epoch, ref(champion), 0, "test", previous=before), **fields)

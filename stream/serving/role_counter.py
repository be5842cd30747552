"""What a program's committed batches add up to, on their way to `role-counts`."""

import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.messages import ModelCounts, RoleCounts
from stream.scoring.model import ModelInRole
from stream.scoring.score_counts import DECLINES, FIRST_BIN, PROBLEMS, REVIEWS, TRANSACTIONS, ScoreCounts

#: Seconds: upper ends of the bins of `RoleCounts.latencies`, but for the last, which has none.
LATENCY_EDGES_S = tuple(2**power / 1000 for power in range(11))


@dataclass(slots=True)
class _Sum:
    tally: ScoreCounts
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_EDGES_S) + 1))


class RoleCounter:
    """Adds up committed batches until somebody takes the sums. Callable from any thread.

    Args:
        slot: Of this worker, or of this HTTP edge.
    """

    def __init__(self, slot: str) -> None:
        self._slot = slot
        self._instance = uuid.uuid4().hex
        self._sequence = 0
        self._lock = threading.Lock()
        # By roles: a fallen champion's epoch goes on with another one deciding.
        self._sums: dict[int, _Sum] = {}

    def add(self, tally: ScoreCounts | None, scoring_s: Sequence[float]) -> None:
        """Count a batch that is committed.

        Args:
            tally: What each model said of it; None of an empty one.
            scoring_s: Seconds that scoring took, of each part.
        """
        if tally is None:
            return
        with self._lock:
            # While a sum is kept, its roles are alive and their id is theirs alone.
            found = self._sums.get(id(tally.roles))
            if found is None:
                found = self._sums[id(tally.roles)] = _Sum(tally)
            else:
                found.tally += tally
            for seconds in scoring_s:
                found.latencies[bisect_left(LATENCY_EDGES_S, seconds)] += 1

    def take(self) -> list[RoleCounts]:
        """Return what was counted since the last time, a message for each set of roles, and begin anew."""
        with self._lock:
            sums, self._sums = self._sums, {}
        now_ms = time.time_ns() // 1_000_000
        return [self._message(each, now_ms) for each in sums.values()]

    def _message(self, found: _Sum, now_ms: int) -> RoleCounts:
        self._sequence += 1
        roles = found.tally.roles
        players = (roles.champion, *roles.challengers)
        counted = zip(players, found.tally.counts.tolist(), strict=True)
        return RoleCounts(
            slot=self._slot,
            instance=self._instance,
            sequence=self._sequence,
            role_epoch=roles.epoch,
            written_at_ms=now_ms,
            latencies=tuple(found.latencies),
            players=tuple(_of(player, row, decides=player is roles.champion) for player, row in counted),
        )


def _of(player: ModelInRole, row: list[int], *, decides: bool) -> ModelCounts:
    manifest = player.model.manifest
    return ModelCounts(
        name=manifest.name,
        version=manifest.version,
        bundle_sha256=player.model.sha256,
        policy_version=player.policy.version,
        decides=decides,
        transactions=row[TRANSACTIONS],
        reviews=row[REVIEWS],
        declines=row[DECLINES],
        problems=row[PROBLEMS],
        scores=tuple(row[FIRST_BIN:]),
    )

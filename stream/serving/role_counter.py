"""Adds up verdicts, scores and latencies of committed batches for `role-counts`."""

import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.messages import ModelCounts, RoleCounts
from stream.scoring.model import ModelInRole
from stream.scoring.score_counts import DECLINES, FIRST_BIN, PROBLEMS, REVIEWS, TRANSACTIONS, ScoreCounts

#: Upper edges, in seconds, of the bins of `RoleCounts.latencies`; the last bin has none.
LATENCY_EDGES_S = tuple(2**power / 1000 for power in range(11))


@dataclass(slots=True)
class _Sum:
    scores: ScoreCounts
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_EDGES_S) + 1))


class RoleCounter:
    """Adds up the counts of committed batches until `take` returns the sums. Thread-safe.

    Args:
        slot: Slot of the worker, or name of the HTTP edge; included in every message.
    """

    def __init__(self, slot: str) -> None:
        self._slot = slot
        self._instance = uuid.uuid4().hex
        self._sequence = 0
        self._lock = threading.Lock()
        # Keyed by the id of the roles, not by epoch, because after a fallback another champion decides in the same
        # epoch.
        self._sums: dict[int, _Sum] = {}

    def add(self, scores: ScoreCounts | None, scoring_s: Sequence[float]) -> None:
        """Count a committed batch.

        Args:
            scores: Verdicts and scores of each model; None for an empty batch.
            scoring_s: Seconds that scoring each part of the batch took.
        """
        if scores is None:
            return
        with self._lock:
            # A sum keeps a reference to its roles, so that their id cannot be reused.
            total = self._sums.get(id(scores.roles))
            if total is None:
                total = self._sums[id(scores.roles)] = _Sum(scores)
            else:
                total.scores += scores
            for seconds in scoring_s:
                total.latencies[bisect_left(LATENCY_EDGES_S, seconds)] += 1

    def take(self) -> list[RoleCounts]:
        """Return the counts since the last call, as one message for each assignment of roles."""
        with self._lock:
            sums, self._sums = self._sums, {}
        now_ms = time.time_ns() // 1_000_000
        return [self._message(each, now_ms) for each in sums.values()]

    def _message(self, total: _Sum, now_ms: int) -> RoleCounts:
        self._sequence += 1
        roles = total.scores.roles
        models = (roles.champion, *roles.challengers)
        counted = zip(models, total.scores.counts.tolist(), strict=True)
        return RoleCounts(
            slot=self._slot,
            instance=self._instance,
            sequence=self._sequence,
            role_epoch=roles.epoch,
            written_at_ms=now_ms,
            latencies=tuple(total.latencies),
            players=tuple(_model_counts(model, row, decides=model is roles.champion) for model, row in counted),
        )


def _model_counts(in_role: ModelInRole, row: list[int], *, decides: bool) -> ModelCounts:
    manifest = in_role.model.manifest
    return ModelCounts(
        name=manifest.name,
        version=manifest.version,
        bundle_sha256=in_role.model.sha256,
        policy_version=in_role.policy.version,
        decides=decides,
        transactions=row[TRANSACTIONS],
        reviews=row[REVIEWS],
        declines=row[DECLINES],
        problems=row[PROBLEMS],
        scores=tuple(row[FIRST_BIN:]),
    )

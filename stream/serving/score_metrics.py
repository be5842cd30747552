"""Prometheus metrics of each model's scores and verdicts."""

import threading
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from stream.scoring.model import ModelInRole, Roles
from stream.scoring.score_counts import DECLINES, FIRST_BIN, PROBLEMS, REVIEWS, SCORE_EDGES, TRANSACTIONS, ScoreCounts

MODEL = ("role", "name", "version", "policy")
#: Number of score bins in one bucket. Twelve buckets for each model show enough; thirty-two would only cost more.
BINS_IN_BUCKET = 3

Key = tuple[str, str, str, str]


class ScoreMetrics(Collector):
    """Sums of the counts of scores and verdicts, by model and policy.

    A model that loses its role is removed, so the number of series depends on the models in a role, not on the number
    of role changes.

    Args:
        registry: Registry that the metrics are added to.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._roles: Roles | None = None
        self._counts: dict[Key, NDArray[np.int64]] = {}
        registry.register(self)

    def add(self, scores: ScoreCounts) -> None:
        """Add the counts of a batch."""
        keys = _keys(scores.roles)
        with self._lock:
            if scores.roles is not self._roles:
                self._roles = scores.roles
                self._counts = {key: counts for key, counts in self._counts.items() if key in keys}
            for key, counts in zip(keys, scores.counts, strict=True):
                self._counts[key] = self._counts[key] + counts if key in self._counts else counts.copy()

    def collect(self) -> Iterable[Metric]:
        """Return a histogram of the scores, with bounds evenly spaced in log odds, and a counter of the verdicts."""
        with self._lock:
            shown = {key: counts.tolist() for key, counts in self._counts.items()}
        scores = HistogramMetricFamily(
            "model_score",
            "Scores of each model in a role, from 0 to 1, in buckets evenly spaced in log odds.",
            labels=MODEL,
        )
        verdicts = CounterMetricFamily(
            "model_verdicts",
            "Transactions by model and verdict; the verdict `none` means that the model gave no score.",
            labels=[*MODEL, "verdict"],
        )
        for key, counts in shown.items():
            scores.add_metric(key, _buckets(counts[FIRST_BIN:]), sum_value=None)
            others = {"review": counts[REVIEWS], "decline": counts[DECLINES], "none": counts[PROBLEMS]}
            for verdict, count in {"approve": counts[TRANSACTIONS] - sum(others.values()), **others}.items():
                verdicts.add_metric([*key, verdict], count)
        return (scores, verdicts)


def _keys(roles: Roles) -> list[Key]:
    return [_key("champion", roles.champion), *(_key("challenger", each) for each in roles.challengers)]


def _key(role: str, in_role: ModelInRole) -> Key:
    manifest = in_role.model.manifest
    return role, manifest.name, manifest.version, in_role.policy.version


def _buckets(bins: list[int]) -> list[tuple[str, float]]:
    """Return cumulative buckets as Prometheus expects them; the last bucket counts every transaction with a score."""
    last_bins = range(0, len(SCORE_EDGES), BINS_IN_BUCKET)
    bounds = map(floatToGoString, SCORE_EDGES[::BINS_IN_BUCKET])
    below = [(bound, float(sum(bins[: last + 1]))) for bound, last in zip(bounds, last_bins, strict=True)]
    return [*below, ("+Inf", float(sum(bins)))]

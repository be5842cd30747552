"""What each model that plays has said, for Prometheus: where its scores lie, and its verdicts."""

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
#: Bins of the tally that make one bucket: twelve buckets a model are a picture, thirty-two only cost.
BINS_IN_BUCKET = 3

Key = tuple[str, str, str, str]


class ScoreMetrics(Collector):
    """Adds tallies up, by model and policy.

    A model that no longer plays is no longer shown: there are as many series as there are players, whatever the number
    of role changes.

    Args:
        registry: Receives it.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._roles: Roles | None = None
        self._counts: dict[Key, NDArray[np.int64]] = {}
        registry.register(self)

    def said(self, tally: ScoreCounts) -> None:
        """Add a batch."""
        keys = _keys(tally.roles)
        with self._lock:
            if tally.roles is not self._roles:
                self._roles = tally.roles
                self._counts = {key: counts for key, counts in self._counts.items() if key in keys}
            for key, counts in zip(keys, tally.counts, strict=True):
                self._counts[key] = self._counts[key] + counts if key in self._counts else counts.copy()

    def collect(self) -> Iterable[Metric]:
        """Give a histogram of the scores, its bounds evenly spaced in log odds, and a counter of the verdicts."""
        with self._lock:
            shown = {key: counts.tolist() for key, counts in self._counts.items()}
        scores = HistogramMetricFamily("model_score", "Scores of each model that plays.", labels=MODEL)
        verdicts = CounterMetricFamily(
            "model_verdicts", "What each model that plays has said, or would have.", labels=[*MODEL, "verdict"]
        )
        for key, counts in shown.items():
            scores.add_metric(key, _buckets(counts[FIRST_BIN:]), sum_value=None)
            said = {"review": counts[REVIEWS], "decline": counts[DECLINES], "none": counts[PROBLEMS]}
            for verdict, times in {"approve": counts[TRANSACTIONS] - sum(said.values()), **said}.items():
                verdicts.add_metric([*key, verdict], times)
        return (scores, verdicts)


def _keys(roles: Roles) -> list[Key]:
    return [_key("champion", roles.champion), *(_key("challenger", each) for each in roles.challengers)]


def _key(role: str, player: ModelInRole) -> Key:
    manifest = player.model.manifest
    return role, manifest.name, manifest.version, player.policy.version


def _buckets(bins: list[int]) -> list[tuple[str, float]]:
    """Return the cumulative buckets that Prometheus wants; the last is everything with a score."""
    last_bins = range(0, len(SCORE_EDGES), BINS_IN_BUCKET)
    bounds = map(floatToGoString, SCORE_EDGES[::BINS_IN_BUCKET])
    below = [(bound, float(sum(bins[: last + 1]))) for bound, last in zip(bounds, last_bins, strict=True)]
    return [*below, ("+Inf", float(sum(bins)))]

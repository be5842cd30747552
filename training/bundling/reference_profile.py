"""What "ordinary" looked like at training: reference profiles, parity rows."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature, Parity, ReferenceProfile, VerdictReference
from schemas.messages import Policy
from stream.scoring.features import Matrix
from stream.scoring.policy import severities
from training.bundling.export import nearest_rows
from training.evaluation.scored_rows import ScoredRows

QUANTILES = 200
BINS = 10
#: Categories that have a bin of their own, the most frequent ones.
CATEGORY_BINS = 20
#: Of the score, whose last decile holds all that is decided on.
_TAIL = (0.99, 0.995, 0.999)
PARITY_ROWS = 64
_PARITY_FRAUDS = 16
_PARITY_NEAR_THRESHOLD = 12


def profile_features(features: Sequence[Feature], matrix: Matrix) -> dict[str, ReferenceProfile]:
    """Profile every feature.

    Args:
        features: In the order of the columns.
        matrix: (n, n_features), NaN where a value was missing: not filled yet.
    """
    return {
        feature.name: _profile_codes(matrix[:, column], len(feature.categories))
        if feature.kind == "categorical"
        else make_profile(matrix[:, column])
        for column, feature in enumerate(features)
    }


def make_profile(values: NDArray[np.float32], further: Sequence[float] = ()) -> ReferenceProfile:
    """Profile one column of numbers (n,); at least one must not be missing (NaN).

    Inner edges are the deciles, fewer where deciles coincide, and `further` ones. A value on an edge belongs to the
    bin above it.
    """
    exact = values[~np.isnan(values)].astype(np.float64)
    edges = np.unique([*np.quantile(exact, np.arange(1, BINS) / BINS), *further])
    quantiles = np.quantile(exact, np.linspace(0, 1, QUANTILES))
    return _counted(edges, exact, tuple(quantiles.tolist()), len(values))


def profile_scores(scores: NDArray[np.float32], policy: Policy) -> ReferenceProfile:
    """Profile scores (n,), with further edges in the tail and at the policy's thresholds.

    Under kind expected_loss a review has no one threshold, each amount has its own: only the one to decline is an
    edge there, and what moves among the reviews is seen by the alert rate.
    """
    thresholds = (policy.decline,) if policy.kind == "expected_loss" else (policy.review, policy.decline)
    return make_profile(scores, (*np.quantile(scores.astype(np.float64), _TAIL), *thresholds))


def count_verdicts(scored: ScoredRows, policy: Policy) -> VerdictReference:
    """Count what a policy says of rows that the model had not seen."""
    counts = np.bincount(severities(scored.scores, policy, scored.amount_minor), minlength=3)
    return VerdictReference(*counts.tolist())


def choose_parity_rows(matrix: Matrix, scored: ScoredRows, policy: Policy) -> Parity:
    """Choose `PARITY_ROWS` rows that a broken model would most likely score otherwise.

    The highest-scored frauds, the rows closest to each threshold, and the rest evenly over the ranking.

    Args:
        matrix: (n, n_features).
        scored: The same n rows.
        policy: Whose thresholds count.
    """
    scores, frauds = scored.scores, np.flatnonzero(scored.labels)
    chosen = list(frauds[np.argsort(-scores[frauds], kind="stable")][:_PARITY_FRAUDS])
    chosen += list(nearest_rows(scores, policy, scored.amount_minor, _PARITY_NEAR_THRESHOLD))
    ranking = np.argsort(scores, kind="stable")
    chosen += list(ranking[np.linspace(0, len(ranking) - 1, PARITY_ROWS).astype(int)])
    rows = list(dict.fromkeys(int(row) for row in chosen))[:PARITY_ROWS]
    values = (tuple(None if math.isnan(value) else value for value in row) for row in matrix[rows].tolist())
    return Parity(tuple(values), tuple(scores[rows].tolist()))


def _profile_codes(codes: NDArray[np.float32], categories: int) -> ReferenceProfile:
    """Profile (n,) indices among so many categories, the last bin for strings that are none of them.

    >>> _profile_codes(np.array([0, 0, 1, 2, np.nan], dtype=np.float32), 2)
    ReferenceProfile(bin_edges=(1.0, 2.0), bin_counts=(2, 1, 1), quantiles=(), missing=1, natural=())
    """
    own = np.arange(1, min(categories, CATEGORY_BINS) + 1)
    edges = np.union1d(own, [categories]).astype(np.float64)
    return _counted(edges, codes[~np.isnan(codes)], (), len(codes))


def _counted(
    edges: NDArray[np.float64], there: NDArray[np.floating], quantiles: tuple[float, ...], rows: int
) -> ReferenceProfile:
    counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
    return ReferenceProfile(tuple(edges.tolist()), tuple(counts.tolist()), quantiles, rows - len(there))

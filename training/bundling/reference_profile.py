"""Reference profiles: distributions of features, scores and verdicts at training time, for drift detection."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature, ReferenceProfile, VerdictReference
from schemas.messages import Policy
from stream.scoring.features import Matrix
from stream.scoring.policy import severities
from training.evaluation.scored_rows import ScoredRows

QUANTILES = 200
BINS = 10
#: Number of categories, the most frequent ones, that have a bin of their own.
CATEGORY_BINS = 20
#: Additional bin edges for the score, because the thresholds lie in its last decile.
_TAIL = (0.99, 0.995, 0.999)


def profile_features(features: Sequence[Feature], matrix: Matrix) -> dict[str, ReferenceProfile]:
    """Return the profile of each feature by name.

    Args:
        features: Features in the order of the matrix's columns.
        matrix: (n, n_features) raw features, NaN where a value is missing.
    """
    return {
        feature.name: _profile_codes(matrix[:, column], len(feature.categories))
        if feature.kind == "categorical"
        else make_profile(matrix[:, column])
        for column, feature in enumerate(features)
    }


def make_profile(values: NDArray[np.float32], further_edges: Sequence[float] = ()) -> ReferenceProfile:
    """Profile one numeric column (n,), at least one value of which is not missing (NaN).

    The inner bin edges are the deciles (fewer where deciles coincide) and `further_edges`. A value on an edge belongs
    to the bin above the edge.
    """
    exact = values[~np.isnan(values)].astype(np.float64)
    edges = np.unique([*np.quantile(exact, np.arange(1, BINS) / BINS), *further_edges])
    quantiles = np.quantile(exact, np.linspace(0, 1, QUANTILES))
    return _count(edges, exact, tuple(quantiles.tolist()), len(values))


def profile_scores(scores: NDArray[np.float32], policy: Policy) -> ReferenceProfile:
    """Profile scores (n,), with further edges in the tail and at the policy's thresholds.

    A policy of kind expected_loss has no single review threshold, because it depends on the amount. So only the
    policy's decline threshold becomes an edge, and a change in the number of reviews shows only in the alert rate.
    """
    thresholds = (policy.decline,) if policy.kind == "expected_loss" else (policy.review, policy.decline)
    return make_profile(scores, (*np.quantile(scores.astype(np.float64), _TAIL), *thresholds))


def count_verdicts(scored: ScoredRows, policy: Policy) -> VerdictReference:
    """Count a policy's verdicts on rows that the model was not fitted on."""
    counts = np.bincount(severities(scored.scores, policy, scored.amount_minor), minlength=3)
    return VerdictReference(*counts.tolist())


def _profile_codes(codes: NDArray[np.float32], categories: int) -> ReferenceProfile:
    """Profile category codes (n,); the last bin counts unknown categories.

    >>> _profile_codes(np.array([0, 0, 1, 2, np.nan], dtype=np.float32), 2)
    ReferenceProfile(bin_edges=(1.0, 2.0), bin_counts=(2, 1, 1), quantiles=(), missing=1, natural=())
    """
    own = np.arange(1, min(categories, CATEGORY_BINS) + 1)
    edges = np.union1d(own, [categories]).astype(np.float64)
    return _count(edges, codes[~np.isnan(codes)], (), len(codes))


def _count(
    edges: NDArray[np.float64], present: NDArray[np.floating], quantiles: tuple[float, ...], rows: int
) -> ReferenceProfile:
    counts = np.bincount(np.searchsorted(edges, present, side="right"), minlength=len(edges) + 1)
    return ReferenceProfile(tuple(edges.tolist()), tuple(counts.tolist()), quantiles, rows - len(present))

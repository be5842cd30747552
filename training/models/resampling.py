"""Resample or weight the training rows, because frauds are rare. Rows outside the training split are never resampled.

All methods aim for the same ratio of frauds to legitimate rows, by number or by weight, so they are comparable. Every
method makes a model overestimate the share of fraud, which `fit_calibration` corrects on rows that were not resampled.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from imblearn.over_sampling import SMOTE, SMOTENC
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray

from schemas.errors import DataError
from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.fitted import LabelledRows, Labels

Resampling = Literal["none", "class_weights", "smote", "undersampling"]
RESAMPLINGS: tuple[Resampling, ...] = get_args(Resampling)
#: Number of frauds per legitimate row after resampling. At an even balance (1.0), each fraud in the ULB data would
#: count 577 times, and LightGBM would collapse.
RATIO = 0.1
#: Number of nearest neighbours of each fraud that SMOTE interpolates with (N. Chawla et al., "SMOTE", 2002).
_NEIGHBOURS = 5


def resample_rows(
    resampling: Resampling,
    matrix: Matrix,
    labels: Labels,
    *,
    features: Sequence[Feature],
    seed: int,
    ratio: float = RATIO,
) -> LabelledRows:
    """Resample or weight the training rows of one fold.

    The rows are returned unchanged if they already have at least `ratio` frauds per legitimate row.

    Args:
        resampling: `class_weights` gives frauds a higher weight, `smote` adds synthetic frauds between real ones,
            `undersampling` drops random legitimate rows, and `none` changes nothing.
        matrix: Feature vectors (n, n_features).
        labels: Labels (n,), of both classes.
        features: Features in the order of the matrix's columns.
        seed: Seed of the random draws.
        ratio: Desired number of frauds per legitimate row, in (0, 1].

    Raises:
        DataError: If SMOTE cannot interpolate between the rows.
    """
    frauds = int(labels.sum())
    if resampling == "none" or frauds >= ratio * (len(labels) - frauds):
        return LabelledRows(matrix, labels)
    if resampling == "class_weights":
        weights = np.where(labels == 1, ratio * (len(labels) - frauds) / frauds, 1.0)
        return LabelledRows(matrix, labels, weights / weights.mean())
    if resampling == "undersampling":
        sampler = RandomUnderSampler(sampling_strategy=ratio, random_state=seed)
        sampler.fit_resample(matrix, labels)
        return _take(LabelledRows(matrix, labels), np.sort(sampler.sample_indices_))
    return _smote(LabelledRows(matrix, labels), features, seed, ratio)


def subsample_negatives(matrix: Matrix, labels: Labels, *, share: float, seed: int) -> LabelledRows:
    """Return every fraud and a random share in (0, 1] of the legitimate rows, for families that are slow on all rows.

    This step comes before resampling. The caller logs the share, because dropping rows raises the ratio of frauds, as
    undersampling does.
    """
    kept = np.random.default_rng(seed).random(len(labels)) < share
    return _take(LabelledRows(matrix, labels), np.flatnonzero(kept | (labels == 1)))


def _smote(rows: LabelledRows, features: Sequence[Feature], seed: int, ratio: float) -> LabelledRows:
    _check_smote(rows, features)
    options = {"sampling_strategy": ratio, "random_state": seed, "k_neighbors": _NEIGHBOURS}
    categorical = [i for i, feature in enumerate(features) if feature.kind == "categorical"]
    sampler = SMOTENC(categorical, **options) if categorical else SMOTE(**options)
    matrix, labels = sampler.fit_resample(rows.matrix, rows.labels)
    return LabelledRows(matrix.astype(np.float32), labels.astype(np.int8))


def _check_smote(rows: LabelledRows, features: Sequence[Feature]) -> None:
    if (frauds := int(rows.labels.sum())) <= _NEIGHBOURS:
        raise DataError(
            f"SMOTE needs at least {_NEIGHBOURS + 1} frauds, but the training rows have only {frauds}; "
            "use longer folds or class weights"
        )
    missing = np.flatnonzero(np.isnan(rows.matrix).any(axis=0))
    if len(missing):
        raise DataError(
            f"SMOTE cannot interpolate missing values, but {features[missing[0]].name} has some; "
            "use the missing-value policy median or another resampling method"
        )
    if all(feature.kind == "categorical" for feature in features):
        raise DataError("SMOTE needs a numeric feature, but all are categorical; use another resampling method")


def _take(rows: LabelledRows, kept: NDArray[np.intp]) -> LabelledRows:
    return LabelledRows(rows.matrix[kept], rows.labels[kept])

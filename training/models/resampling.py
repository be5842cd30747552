"""What may be done to the training rows against frauds being rare. Only to them: every other part stays as it is.

All treatments aim at one figure, the frauds to a legitimate row afterwards, by number or by weight, so they compare.
Each makes a model believe in more fraud than there is; `fit_calibration` on untouched rows takes that back.
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
from training.models.fitted import Labels, LabelledRows

Resampling = Literal["none", "class_weights", "smote", "undersampling"]
RESAMPLINGS: tuple[Resampling, ...] = get_args(Resampling)
#: Frauds to a legitimate row after a treatment. Evenly balanced (1.0), frauds of the ULB data would count 577 times,
#: at which LightGBM collapses.
RATIO = 0.1
#: Frauds between which SMOTE interpolates (N. Chawla et al., "SMOTE", 2002).
_NEIGHBOURS = 5


def resample_rows(
    treatment: Resampling,
    matrix: Matrix,
    labels: Labels,
    *,
    features: Sequence[Feature],
    seed: int,
    ratio: float = RATIO,
) -> LabelledRows:
    """Treat the training rows of one fold.

    LabelledRows with `ratio` frauds to a legitimate row or more already are returned as they are.

    Args:
        treatment: class_weights: frauds weigh more. smote: frauds made up between real ones are added. undersampling:
            legitimate rows drawn at random are left out.
        matrix: (n, n_features).
        labels: (n,), both classes.
        features: Of the matrix's columns.
        seed: For what is drawn.
        ratio: Frauds to a legitimate row to aim at, in (0, 1].

    Raises:
        DataError: If SMOTE is asked of rows it cannot interpolate.
    """
    frauds = int(labels.sum())
    if treatment == "none" or frauds >= ratio * (len(labels) - frauds):
        return LabelledRows(matrix, labels)
    if treatment == "class_weights":
        weights = np.where(labels == 1, ratio * (len(labels) - frauds) / frauds, 1.0)
        return LabelledRows(matrix, labels, weights / weights.mean())
    if treatment == "undersampling":
        sampler = RandomUnderSampler(sampling_strategy=ratio, random_state=seed)
        sampler.fit_resample(matrix, labels)
        return _take(LabelledRows(matrix, labels), np.sort(sampler.sample_indices_))
    return _smote(LabelledRows(matrix, labels), features, seed, ratio)


def subsample_negatives(matrix: Matrix, labels: Labels, *, share: float, seed: int) -> LabelledRows:
    """Keep every fraud and a share in (0, 1] of the legitimate rows, for families that are slow on all of them.

    Log the share: it raises the frauds' ratio as undersampling does. Comes before a treatment, not after.
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
            f"SMOTE needs at least {_NEIGHBOURS + 1} frauds and the training rows have {frauds}; "
            "take longer folds, or class weights"
        )
    missing = np.flatnonzero(np.isnan(rows.matrix).any(axis=0))
    if len(missing):
        raise DataError(
            f"SMOTE cannot interpolate missing values, and {features[missing[0]].name} has some; "
            "take the missing-value policy median, or another treatment"
        )
    if all(feature.kind == "categorical" for feature in features):
        raise DataError("SMOTE needs at least one numeric feature and all are categorical; take another treatment")


def _take(rows: LabelledRows, kept: NDArray[np.intp]) -> LabelledRows:
    return LabelledRows(rows.matrix[kept], rows.labels[kept])

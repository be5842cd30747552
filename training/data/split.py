"""Splits: by time, as the model will be used; stratified, to compare with published figures; folds for training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from training.data.dataset import Dataset

#: Shares of all rows at which the validation and test parts begin.
VALIDATION_FROM = 0.6
TEST_FROM = 0.8


@dataclass(frozen=True)
class Split:
    """Three parts; `training.data.test_set` makes sure that each serves its purpose only."""

    #: For fitting, and for medians, categories and reference profiles.
    train: Dataset
    #: For calibration and thresholds, nothing else.
    validation: Dataset
    #: For the reported figures, evaluated once per model.
    test: Dataset


@dataclass(frozen=True)
class Fold:
    """Rows of the training part: a model is fitted on `train` and scored on `validate`, which is strictly later."""

    train: slice
    validate: slice


def split_by_time(data: Dataset) -> Split:
    """Split 60/20/20 in event time, each part strictly earlier than the next.

    Rows of one time are never separated: a boundary between them moves to the first of them, so all of them belong to
    the later part.

    Raises:
        DataError: If a part would have no frauds or no legitimate transactions.
    """
    first_validation = _boundary(data.event_time_ms, VALIDATION_FROM)
    first_test = _boundary(data.event_time_ms, TEST_FROM)
    split = Split(
        train=data.part(slice(0, first_validation)),
        validation=data.part(slice(first_validation, first_test)),
        test=data.part(slice(first_test, len(data))),
    )
    for name, part in vars(split).items():
        _require_both(part.label, f"the {name} part", "each part of the time-ordered split")
    return split


def split_stratified(data: Dataset, seed: int) -> Split:
    """Split 60/20/20 at random, with the same share of frauds in each part.

    Rows that equal an earlier one in every column are dropped first, because in two parts they would be a leak. The
    future still leaks into the past, so figures from this split serve only for comparison with published ones.

    Args:
        data: Data to split.
        seed: Seed of the random choice; within a part rows are in order of event time.

    Raises:
        DataError: If a part would have no frauds or no legitimate transactions.
    """
    random = np.random.default_rng(seed)
    distinct = np.flatnonzero(~data.repeat)
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    for label in (0, 1):
        rows = random.permutation(distinct[data.label[distinct] == label])
        at = [int(len(rows) * share) for share in (VALIDATION_FROM, TEST_FROM)]
        for part, chosen in zip(parts, np.split(rows, at), strict=True):
            part.append(chosen)
    split = Split(*(data.part(np.sort(np.concatenate(part))) for part in parts))
    for name, each in vars(split).items():
        _require_both(each.label, f"the {name} part", "each part of the stratified split")
    return split


def rolling_origin_folds(event_time_ms: NDArray[np.int64], labels: NDArray[np.int8], folds: int) -> list[Fold]:
    """Cut the training part into folds that each learn from the past and are scored on what came next.

    The rows are cut into `folds` + 1 blocks of about equal size; fold i learns from the first i blocks and is
    scored on the next one (L. J. Tashman, "Out-of-sample tests of forecasting accuracy", 2000). Rows of one time
    stay together, in the later block.

    Args:
        event_time_ms: (n,) event times of the training part, rising.
        labels: (n,) labels of the same rows.
        folds: Number of folds; 0 gives an empty list.

    Raises:
        DataError: If a fold would have no frauds, or no legitimate transactions, to learn from or to be scored on.
    """
    bounds = [_boundary(event_time_ms, i / (folds + 1)) for i in range(folds + 1)] + [len(labels)]
    made = [Fold(slice(0, bounds[i]), slice(bounds[i], bounds[i + 1])) for i in range(1, folds + 1)]
    for number, fold in enumerate(made, start=1):
        for name, rows in vars(fold).items():
            _require_both(labels[rows], f"{name} of fold {number}", f"each of {folds} folds")
    return made


def _require_both(labels: NDArray[np.int8], part: str, each: str) -> None:
    frauds = int(labels.sum())
    if not 0 < frauds < len(labels):
        raise DataError(
            f"{part} has {frauds} frauds in {len(labels)} rows; {each} needs frauds and legitimate transactions, so "
            "use data over a longer time"
        )


def _boundary(event_time_ms: NDArray[np.int64], share: float) -> int:
    """Return the first row with the same time as the row at `share` of all rows.

    >>> _boundary(np.array([0, 1, 2, 2, 3]), 0.6)
    2
    """
    return int(np.searchsorted(event_time_ms, event_time_ms[int(len(event_time_ms) * share)], side="left"))

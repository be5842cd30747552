"""Split data by time, as in production, or at random with stratification, as in published results; and cut folds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from training.data.dataset import Dataset

#: Shares of all rows at which the validation split and the test set begin.
VALIDATION_FROM = 0.6
TEST_FROM = 0.8


@dataclass(frozen=True)
class Split:
    """Training split, validation split and test set. `training.data.test_set` restricts each to its purpose."""

    #: Rows for fitting, and for medians, categories and reference profiles.
    train: Dataset
    #: Rows for calibration and for choosing thresholds, nothing else.
    validation: Dataset
    #: Rows for the reported metrics, evaluated once per model.
    test: Dataset


@dataclass(frozen=True)
class Fold:
    """Rows from the training split: a model is fitted on `train` and scored on `validate`, which is strictly later."""

    train: slice
    validate: slice


def split_by_time(data: Dataset) -> Split:
    """Split the data 60/20/20 by event time, each split strictly earlier than the next.

    Rows with the same event time are never separated: if a boundary falls between them, all of them belong to the later
    split.

    Raises:
        DataError: If a split would have no frauds or no legitimate transactions.
    """
    first_validation = boundary(data.event_time_ms, VALIDATION_FROM)
    first_test = boundary(data.event_time_ms, TEST_FROM)
    split = Split(
        train=data.part(slice(0, first_validation)),
        validation=data.part(slice(first_validation, first_test)),
        test=data.part(slice(first_test, len(data))),
    )
    for name, part in vars(split).items():
        _require_both(part.label, f"the {name} split", "each of the three splits")
    return split


def split_stratified(data: Dataset, seed: int) -> Split:
    """Split the data 60/20/20 at random, with the same share of frauds in each split.

    Rows that equal an earlier row in every column are dropped first, because equal rows in two splits would be a leak.
    The future still leaks into the past, so use metrics from this split only for comparison with published results.

    Args:
        data: Data to split.
        seed: Seed of the random choice. Within each split, rows are in order of event time.

    Raises:
        DataError: If a split would have no frauds or no legitimate transactions.
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
        _require_both(each.label, f"the {name} split", "each of the three splits")
    return split


def rolling_origin_folds(event_time_ms: NDArray[np.int64], labels: NDArray[np.int8], folds: int) -> list[Fold]:
    """Cut the training split into folds, each of which fits a model on the past and scores the rows that follow.

    The rows are cut into `folds` + 1 blocks of about equal size; in fold i, a model is fitted on the first i blocks and
    scored on the next block (L. J. Tashman, "Out-of-sample tests of forecasting accuracy", 2000). Rows with the same
    event time stay together, in the later block.

    Args:
        event_time_ms: Event times (n,) of the training split, in ascending order.
        labels: (n,) labels of the same rows.
        folds: Number of folds; with 0, the list is empty.

    Raises:
        DataError: If a fold would have no frauds, or no legitimate transactions, to learn from or to be scored on.
    """
    bounds = [boundary(event_time_ms, i / (folds + 1)) for i in range(folds + 1)] + [len(labels)]
    made = [Fold(slice(0, bounds[i]), slice(bounds[i], bounds[i + 1])) for i in range(1, folds + 1)]
    for number, fold in enumerate(made, start=1):
        for name, rows in vars(fold).items():
            _require_both(labels[rows], f"the {name} split of fold {number}", f"each of {folds} folds")
    return made


def _require_both(labels: NDArray[np.int8], part: str, each: str) -> None:
    frauds = int(labels.sum())
    if not 0 < frauds < len(labels):
        raise DataError(
            f"{part} has {frauds} frauds in {len(labels)} rows; {each} needs frauds and legitimate transactions, so "
            "use data that covers a longer period"
        )


def boundary(event_time_ms: NDArray[np.int64], share: float) -> int:
    """Return the first row with the same time as the row at `share` of all rows, which are in order of event time.

    >>> boundary(np.array([0, 1, 2, 2, 3]), 0.6)
    2
    """
    return int(np.searchsorted(event_time_ms, event_time_ms[int(len(event_time_ms) * share)], side="left"))

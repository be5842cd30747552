"""The time-ordered split: train on the past, calibrate and choose thresholds later, test last."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from training.data.dataset import Transactions

#: Shares of all rows at which validation and test begin.
VALIDATION_FROM = 0.6
TEST_FROM = 0.8


@dataclass(frozen=True)
class Split:
    """Three parts, each strictly earlier than the next."""

    #: Models are fitted on it, medians and reference profiles come from it.
    train: Transactions
    #: Calibration and thresholds, nothing else.
    validation: Transactions
    #: Measured once a model, for the figures that are reported.
    test: Transactions


def split_by_time(data: Transactions) -> Split:
    """Split 60/20/20 in event time.

    Rows of one second are never torn apart: a boundary that falls inside a second moves to that second's first
    row, so the whole second belongs to the later part.

    Raises:
        DataError: If a part would have no frauds or no legitimate transactions.
    """
    first_validation = _boundary(data.time_s, VALIDATION_FROM)
    first_test = _boundary(data.time_s, TEST_FROM)
    split = Split(
        train=data.part(slice(0, first_validation)),
        validation=data.part(slice(first_validation, first_test)),
        test=data.part(slice(first_test, len(data))),
    )
    for name, part in vars(split).items():
        frauds = int(part.label.sum())
        if not 0 < frauds < len(part):
            raise DataError(
                f"the {name} part has {frauds} frauds in {len(part)} rows; each part of the time-ordered split needs "
                "frauds and legitimate transactions, so give data over a longer time"
            )
    return split


def _boundary(time_s: NDArray[np.float64], share: float) -> int:
    """Return the first row of the second in which row `share` of all rows lies.

    >>> _boundary(np.array([0.0, 1.0, 2.0, 2.0, 3.0]), 0.6)
    2
    """
    return int(np.searchsorted(time_s, time_s[int(len(time_s) * share)], side="left"))

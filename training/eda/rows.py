"""What the report looks at: labelled rows in order of event time, in the three parts that models will be given."""

from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.data.split import TEST_FROM, VALIDATION_FROM

PARTS = ("train", "validation", "test")


class Rows(Protocol):
    """The fields of a data set that the report reads, each of length n, in order of event time."""

    @property
    def transaction_id(self) -> NDArray[np.object_]:
        """Names of the transactions."""

    @property
    def event_time_ms(self) -> NDArray[np.int64]:
        """UTC milliseconds, ascending."""

    @property
    def amount_minor(self) -> NDArray[np.int64]:
        """Amounts in minor units."""

    @property
    def label(self) -> NDArray[np.int8]:
        """1 is fraud."""

    @property
    def repeat(self) -> NDArray[np.bool_]:
        """True where every column equals an earlier row's."""

    @property
    def frame(self) -> pl.DataFrame:
        """The columns that features are made of, numbers and strings, null where missing."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file the rows came from."""


def parts_of(event_time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each row's part of the time-ordered split, an index into `PARTS`.

    The same boundaries as `split_by_time`, which however refuses a part without frauds: this report is where that is
    to be seen.
    """
    shares = (VALIDATION_FROM, TEST_FROM)
    starts = [event_time_ms[int(len(event_time_ms) * share)] for share in shares]
    return np.searchsorted(starts, event_time_ms, side="right").astype(np.int64)

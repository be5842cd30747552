"""The report's input: labelled rows in order of event time, split as for training."""

from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.data.split import TEST_FROM, VALIDATION_FROM

PARTS = ("train", "validation", "test")


class Rows(Protocol):
    """The arrays of a data set that the report reads, each of length n, in order of event time."""

    @property
    def transaction_id(self) -> NDArray[np.object_]:
        """Transaction ids."""

    @property
    def event_time_ms(self) -> NDArray[np.int64]:
        """Event times, UTC milliseconds, ascending."""

    @property
    def amount_minor(self) -> NDArray[np.int64]:
        """Amounts in minor units."""

    @property
    def label(self) -> NDArray[np.int8]:
        """Labels, 1 for fraud."""

    @property
    def repeat(self) -> NDArray[np.bool_]:
        """True for rows that equal an earlier row in every column."""

    @property
    def frame(self) -> pl.DataFrame:
        """Feature columns of numbers and strings, with nulls for missing values."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file that the rows were read from."""


def parts_of(event_time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the time-ordered split that each row belongs to, as an index into `PARTS`, (n,).

    The boundaries are those of `split_by_time`, but a split without frauds is accepted.
    """
    shares = (VALIDATION_FROM, TEST_FROM)
    starts = [event_time_ms[int(len(event_time_ms) * share)] for share in shares]
    return np.searchsorted(starts, event_time_ms, side="right").astype(np.int64)

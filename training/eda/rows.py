"""What the report looks at: labelled rows in order of event time, in the three parts that models will be given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.data.dataset import NUMERIC, Transactions, load
from training.data.split import TEST_FROM, VALIDATION_FROM
from training.data.ulb import BASE_TIME_MS

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


@dataclass(frozen=True)
class AdaptedRows:
    """`Transactions` in the shape of `Rows`."""

    transaction_id: NDArray[np.object_]
    event_time_ms: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    label: NDArray[np.int8]
    repeat: NDArray[np.bool_]
    frame: pl.DataFrame
    sha256: str


def read_rows(data: Path) -> Rows:
    """Read and check a data file.

    Raises:
        DataError: If it cannot be used.
    """
    return _adapt(load(data))


def parts_of(event_time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each row's part of the time-ordered split, an index into `PARTS`.

    The same boundaries as `split_by_time`, which however refuses a part without frauds: this report is where that is
    to be seen.
    """
    shares = (VALIDATION_FROM, TEST_FROM)
    starts = [event_time_ms[int(len(event_time_ms) * share)] for share in shares]
    return np.searchsorted(starts, event_time_ms, side="right").astype(np.int64)


def _adapt(data: Transactions) -> AdaptedRows:
    return AdaptedRows(
        transaction_id=data.row.astype(object),
        event_time_ms=BASE_TIME_MS + np.rint(data.time_s * 1000).astype(np.int64),
        amount_minor=data.amount_minor,
        label=data.label,
        repeat=data.repeat,
        frame=pl.DataFrame(data.numeric, schema=list(NUMERIC)),
        sha256=data.sha256,
    )

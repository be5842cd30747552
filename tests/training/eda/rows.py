"""Generated rows with any columns; by default a thousand rows over a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.eda.groups import DAY_MS

ROWS = 1000
START_MS = 1_700_000_000_000


@dataclass(frozen=True)
class MadeUpRows:
    """Arrays that satisfy `training.eda.rows.Rows`."""

    transaction_id: NDArray[np.object_]
    event_time_ms: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    label: NDArray[np.int8]
    repeat: NDArray[np.bool_]
    frame: pl.DataFrame
    sha256: str = "ab" * 32


def made_up_labels(rows: int = ROWS) -> NDArray[np.int8]:
    """Return labels with a fraud in every tenth row."""
    label: NDArray[np.int8] = (np.arange(rows) % 10 == 0).astype(np.int8)
    return label


def make_rows(
    columns: Mapping[str, Any],
    label: NDArray[np.int8] | None = None,
    days: float = 30,
) -> MadeUpRows:
    """Return rows with evenly spaced times and amounts from 0.01 to 5000.

    Args:
        columns: Feature columns, in any form that polars accepts.
        label: Labels; by default a fraud in every tenth row.
        days: Number of days that the rows cover.
    """
    frame = pl.DataFrame(columns)
    label = made_up_labels(len(frame)) if label is None else label
    return MadeUpRows(
        transaction_id=np.array([f"t{i}" for i in range(len(frame))], dtype=object),
        event_time_ms=START_MS + np.linspace(0, days * DAY_MS, len(frame)).astype(np.int64),
        amount_minor=np.geomspace(1, 500_000, len(frame)).astype(np.int64),
        label=label,
        repeat=np.zeros(len(frame), dtype=bool),
        frame=frame,
    )

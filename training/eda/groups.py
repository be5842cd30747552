"""Counts of rows by time, by hour of the day and by amount."""

from typing import NamedTuple

import numpy as np

from training.eda.measures import Counts
from training.eda.rows import Rows

HOURS = 24
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
#: Possible bucket widths of the timeline; the narrowest width that gives at most `_BUCKETS` buckets is used.
_WIDTHS_MS = (
    *(MINUTE_MS * minutes for minutes in (1, 5, 15, 30)),
    *(HOUR_MS * hours for hours in (1, 2, 6, 12)),
    *(DAY_MS * days for days in (1, 7, 28, 91)),
)
_BUCKETS = 72
#: Upper ends of the amount bands, in units of 100 minor units; the last band has no upper end.
BAND_ENDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


class Timeline(NamedTuple):
    """Number of rows over time.

    Attributes:
        edges_ms: Bucket edges (b + 1,), UTC milliseconds.
        by_class: Counts (2, b), legitimate and fraud.
    """

    edges_ms: Counts
    by_class: Counts


def over_time(rows: Rows) -> Timeline:
    """Count rows over time, in at most about 70 buckets of a round width."""
    first, last = int(rows.event_time_ms[0]), int(rows.event_time_ms[-1])
    fitting = (width for width in _WIDTHS_MS if (last - first) // width < _BUCKETS)
    width = next(fitting, DAY_MS * 365)
    start = first - first % width
    bucket = (rows.event_time_ms - start) // width
    buckets = int(bucket[-1]) + 1
    edges = start + width * np.arange(buckets + 1, dtype=np.int64)
    return Timeline(edges, _by_class(rows, bucket, buckets))


def hour_of(rows: Rows) -> Counts:
    """Return each row's hour of the day in UTC, 0 to 23, (n,)."""
    return rows.event_time_ms % DAY_MS // HOUR_MS


def band_of(rows: Rows) -> Counts:
    """Return each row's amount band (n,), an index into `band_names`; a band does not include its upper end."""
    return np.searchsorted(np.array(BAND_ENDS) * 100, rows.amount_minor, side="right").astype(np.int64)


def band_names() -> list[str]:
    """Return a short name for each amount band."""
    ends = [f"{end:,}" if end < 1000 else f"{end // 1000}k" for end in BAND_ENDS]  # noqa: PLR2004  # 1000 is 1k
    return ["< 1", *ends]


def by_hour(rows: Rows) -> Counts:
    """Count rows by class and hour of the day, (2, 24): legitimate, then fraud."""
    return _by_class(rows, hour_of(rows), HOURS)


def by_band(rows: Rows) -> Counts:
    """Count rows by class and amount band, (2, bands): legitimate, then fraud."""
    return _by_class(rows, band_of(rows), len(BAND_ENDS) + 1)


def frauds_by_hour_and_band(rows: Rows) -> Counts:
    """Count frauds by amount band and hour of the day, (bands, 24)."""
    bands = len(BAND_ENDS) + 1
    fraud = rows.label == 1
    cells = (band_of(rows) * HOURS + hour_of(rows))[fraud]
    return np.bincount(cells, minlength=bands * HOURS).reshape(bands, HOURS)


def _by_class(rows: Rows, group: Counts, groups: int) -> Counts:
    return np.bincount(rows.label.astype(np.int64) * groups + group, minlength=2 * groups).reshape(2, groups)

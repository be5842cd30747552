"""Facts about each column, small enough to keep for hundreds of columns of half a million rows.

Columns are read one at a time, so only one column's values are in memory, besides the facts about the other columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from training.eda.measures import Counts, Floats, Mask, Ranking, psi_or_none, total_variation
from training.eda.rows import PARTS, Rows

#: Number of levels of a text column that are counted separately; the others are pooled.
TOP_LEVELS = 20
#: Number of bins of a histogram, and number of bins for the PSI.
_BINS = 40
_PSI_BINS = 10
#: Quantiles of both classes that an axis spans; values beyond them are counted in the outermost bins.
_AXIS = (0.01, 0.99)
#: Quantiles shown in the table of columns.
_SPREAD = (0.0, 0.05, 0.5, 0.95, 1.0)
#: A column of non-negative numbers gets a log axis if its 99% quantile is more than this many times its median.
_SKEWED = 20.0
#: Largest number of decades that a log axis spans.
_DECADES = 5
#: Share of distinct values above which a column without fractions looks like an id.
ID_LIKE = 0.99


@dataclass(frozen=True)
class Bins:
    """Counts of a column's values by bin; rows without a value are not counted.

    Attributes:
        edges: Bin edges (b + 1,) of a numeric column; None for text.
        log: Whether the edges are spaced evenly on a log scale.
        levels: Names (b,) of the levels of a text column; () for numbers.
        by_class: Counts (2, b), legitimate and fraud.
        by_part: Counts (3, b) by split.
    """

    edges: Floats | None
    log: bool
    levels: tuple[str, ...]
    by_class: Counts
    by_part: Counts


@dataclass(frozen=True)
class ColumnFacts:
    """The facts about one column that the report shows.

    Attributes:
        name: Column name.
        kind: "number" or "text".
        rows: Number of rows, with and without a value.
        distinct: Number of distinct values.
        id_like: Whether nearly all values are distinct, as in an id.
        missing: Number of rows without a value, by split (3,).
        missing_by_class: Number of rows without a value, by class (2,): legitimate, then fraud.
        spread: Lowest value, 5% quantile, median, 95% quantile and highest value; () for text.
        bins: Counts of the values; None if no row has a value.
        separation: Distance between the classes: the KS statistic for numbers, the total variation distance for text.
            None if a class has no values.
        psi: PSI of the validation and of the test set against the training split. None if a split has no rows.
        ks: KS statistic of the validation and of the test set against the training split. None if a split has no
            values, and for text.
    """

    name: str
    kind: str
    rows: int
    distinct: int
    id_like: bool
    missing: Counts
    missing_by_class: Counts
    spread: tuple[float, ...]
    bins: Bins | None
    separation: float | None
    psi: tuple[float | None, float | None]
    ks: tuple[float | None, float | None]

    @property
    def missing_share(self) -> float:
        """Share of rows without a value."""
        return float(self.missing.sum()) / self.rows

    @property
    def constant(self) -> bool:
        """Whether all values are equal."""
        return self.distinct == 1

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return self.distinct == 0


def describe_columns(rows: Rows, part: Counts) -> Iterator[ColumnFacts]:
    """Yield the facts about each column, the amount first.

    Args:
        rows: n rows.
        part: Split of each row (n,), as an index into `PARTS`.
    """
    label = rows.label.astype(np.int64)
    yield _number(pl.Series("amount", rows.amount_minor / 100), label, part)
    for column in rows.frame.iter_columns():
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            yield _number(column, label, part)
        else:
            yield _text(column, label, part)


def _number(column: pl.Series, label: Counts, part: Counts) -> ColumnFacts:
    values = column.cast(pl.Float64).to_numpy()
    present = np.isfinite(values)
    ranking = Ranking(values[present])
    label_present, part_present = label[present], part[present]
    distinct = int(present.any()) + int(np.count_nonzero(np.diff(ranking.ascending)))
    in_part = [part_present == index for index in range(len(PARTS))]
    bins, by_bin, spread = None, np.zeros((len(PARTS), 0), dtype=np.int64), ()
    if present.any():
        bins = _histogram(values[present], ranking, label_present, part_present)
        among = in_part[0] if in_part[0].any() else None
        inner = np.unique(ranking.quantiles(tuple(np.arange(1, _PSI_BINS) / _PSI_BINS), among))
        decile = np.searchsorted(inner, values[present], side="right")
        by_bin = _count(decile, part_present, len(PARTS), len(inner) + 1)
        spread = tuple(ranking.quantiles(_SPREAD).tolist())
    return ColumnFacts(
        name=column.name,
        kind="number",
        rows=len(column),
        distinct=distinct,
        # Fractions are often all distinct; whole numbers rarely are, whatever their type.
        id_like=_mostly_distinct(distinct, present) and bool((ranking.ascending == np.rint(ranking.ascending)).all()),
        missing=_missing(present, part, len(PARTS)),
        missing_by_class=_missing(present, label, 2),
        spread=spread,
        bins=bins,
        separation=ranking.ks(label_present == 0, label_present == 1),
        psi=_psi_by_part(by_bin, present, part),
        ks=(ranking.ks(in_part[0], in_part[1]), ranking.ks(in_part[0], in_part[2])),
    )


def _text(column: pl.Series, label: Counts, part: Counts) -> ColumnFacts:
    column = column.cast(pl.String)
    present = column.is_not_null().to_numpy()
    ranked = column.drop_nulls().value_counts(sort=True, name="rows")
    # Break ties by name, so that the same data give the same page.
    ranked = ranked.sort("rows", column.name, descending=[True, False])
    levels = ranked[column.name].head(TOP_LEVELS).to_list()
    pooled = len(ranked) - len(levels)
    names = (*levels, *([f"{pooled:,} other levels"] if pooled else []))
    codes = (
        column.drop_nulls().replace_strict(levels, list(range(len(levels))), default=len(levels), return_dtype=pl.Int64)
    ).to_numpy()
    by_class = _count(codes, label[present], 2, len(names))
    by_part = _count(codes, part[present], len(PARTS), len(names))
    return ColumnFacts(
        name=column.name,
        kind="text",
        rows=len(column),
        distinct=len(ranked),
        id_like=_mostly_distinct(len(ranked), present),
        missing=_missing(present, part, len(PARTS)),
        missing_by_class=_missing(present, label, 2),
        spread=(),
        bins=Bins(None, log=False, levels=names, by_class=by_class, by_part=by_part) if levels else None,
        separation=total_variation(by_class[0], by_class[1]),
        psi=_psi_by_part(by_part, present, part),
        ks=(None, None),
    )


def _mostly_distinct(distinct: int, present: Mask) -> bool:
    values = int(present.sum())
    return values > 1 and distinct > ID_LIKE * values


def _histogram(values: Floats, ranking: Ranking, label: Counts, part: Counts) -> Bins:
    spans = [ranking.quantiles(_AXIS, label == index) for index in (0, 1) if (label == index).any()]
    low, high = float(min(span[0] for span in spans)), float(max(span[1] for span in spans))
    middle = float(ranking.quantiles((0.5,))[0])
    log = ranking.ascending[0] >= 0 and middle > 0 and high > _SKEWED * middle
    if log:
        low = max(low, high / 10**_DECADES)
        edges = np.geomspace(low, high, _BINS + 1)
    else:
        # A constant or nearly constant column still needs an axis of some width.
        margin = 0.0 if high > low else max(abs(low) * 0.01, 0.5)
        edges = np.linspace(low - margin, high + margin, _BINS + 1)
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BINS - 1)
    by_class, by_part = _count(bins, label, 2, _BINS), _count(bins, part, len(PARTS), _BINS)
    return Bins(edges, log=log, levels=(), by_class=by_class, by_part=by_part)


def _missing(present: Mask, group: Counts, groups: int) -> Counts:
    return np.bincount(group[~present], minlength=groups)


def _psi_by_part(by_part: Counts, present: Mask, part: Counts) -> tuple[float | None, float | None]:
    # Missing values have a bin of their own, because a column whose values go missing has drifted.
    missing = _missing(present, part, len(PARTS))
    counts = np.column_stack([by_part, missing]) if missing.any() else by_part
    return psi_or_none(counts[0], counts[1]), psi_or_none(counts[0], counts[2])


def _count(bins: Counts, group: Counts, groups: int, size: int) -> Counts:
    """Return the number of rows from each group in each bin, (groups, size)."""
    return np.bincount(group * size + bins, minlength=groups * size).reshape(groups, size)

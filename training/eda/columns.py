"""What is known of each column: little enough to keep for hundreds of columns and half a million rows.

Columns are taken one at a time, so that memory holds one column and the facts of all others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from training.eda.measures import Counts, Floats, Mask, Ranking, psi, total_variation
from training.eda.rows import PARTS, Rows

#: Levels of a string column that are told apart; the rest is pooled.
TOP_LEVELS = 20
#: Bins of a histogram, and of the PSI.
_BINS = 40
_PSI_BINS = 10
#: An axis spans these quantiles of either class; what lies beyond is counted in the outermost bins.
_AXIS = (0.01, 0.99)
#: Quantiles in the table of columns.
_SPREAD = (0.0, 0.05, 0.5, 0.95, 1.0)
#: Numbers ≥ 0 with a 99 % quantile this many medians away get a logarithmic axis.
_SKEWED = 20.0
#: And no more decades than these.
_DECADES = 5
#: Share of distinct values above which a column that holds no fractions rather names a row than describes it.
ID_LIKE = 0.99


@dataclass(frozen=True)
class Bins:
    """What a column's rows are counted by."""

    #: Bin edges (b + 1,) of numbers; None for levels.
    edges: Floats | None
    log: bool
    #: Names (b,) of levels; () for numbers.
    levels: tuple[str, ...]
    #: (2, b), legitimate and fraud; rows without a value are counted nowhere.
    by_class: Counts
    #: (3, b) by part.
    by_part: Counts


@dataclass(frozen=True)
class ColumnFacts:
    """One column."""

    name: str
    #: "number" or "text".
    kind: str
    rows: int
    distinct: int
    id_like: bool
    #: Rows without a value, (3,) by part.
    missing: Counts
    #: Likewise (2,), legitimate and fraud.
    missing_by_class: Counts
    #: Lowest, 5 %, median, 95 %, highest of numbers.
    spread: tuple[float, ...]
    #: None where no row has a value.
    bins: Bins | None
    #: How far frauds stand apart: KS statistic between the classes for numbers, total variation for text. None where a
    #: class has no values.
    separation: float | None
    #: Against the training part: validation, test. None where a part has no rows.
    psi: tuple[float | None, float | None]
    #: Likewise; None for text.
    ks: tuple[float | None, float | None]

    @property
    def missing_share(self) -> float:
        """Share of rows without a value."""
        return float(self.missing.sum()) / self.rows

    @property
    def constant(self) -> bool:
        """Whether all rows that have a value have the same."""
        return self.distinct == 1

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return self.distinct == 0


def look_at_columns(rows: Rows, part: Counts) -> Iterator[ColumnFacts]:
    """Yield each column's facts, the amount's first.

    Args:
        rows: n rows.
        part: Indices (n,) into `PARTS`.
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
    there = np.isfinite(values)
    ranking = Ranking(values[there])
    label_there, part_there = label[there], part[there]
    distinct = int(there.any()) + int(np.count_nonzero(np.diff(ranking.ascending)))
    in_part = [part_there == index for index in range(len(PARTS))]
    bins, by_bin, spread = None, np.zeros((len(PARTS), 0), dtype=np.int64), ()
    if there.any():
        bins = _histogram(values[there], ranking, label_there, part_there)
        among = in_part[0] if in_part[0].any() else None
        inner = np.unique(ranking.quantiles(tuple(np.arange(1, _PSI_BINS) / _PSI_BINS), among))
        by_bin = _count(np.searchsorted(inner, values[there], side="right"), part_there, len(PARTS), len(inner) + 1)
        spread = tuple(ranking.quantiles(_SPREAD).tolist())
    return ColumnFacts(
        name=column.name,
        kind="number",
        rows=len(column),
        distinct=distinct,
        # Fractions may well all differ; whole numbers, whatever type holds them, hardly do.
        id_like=_names_rows(distinct, there) and bool((ranking.ascending == np.rint(ranking.ascending)).all()),
        missing=_missing(there, part, len(PARTS)),
        missing_by_class=_missing(there, label, 2),
        spread=spread,
        bins=bins,
        separation=ranking.ks(label_there == 0, label_there == 1),
        psi=_psi_by_part(by_bin, there, part),
        ks=(ranking.ks(in_part[0], in_part[1]), ranking.ks(in_part[0], in_part[2])),
    )


def _text(column: pl.Series, label: Counts, part: Counts) -> ColumnFacts:
    column = column.cast(pl.String)
    there = column.is_not_null().to_numpy()
    ranked = column.drop_nulls().value_counts(sort=True, name="rows")
    # Ties in a fixed order, so that the same data give the same page.
    ranked = ranked.sort("rows", column.name, descending=[True, False])
    levels = ranked[column.name].head(TOP_LEVELS).to_list()
    pooled = len(ranked) - len(levels)
    names = (*levels, *([f"{pooled:,} other levels"] if pooled else []))
    codes = (
        column.drop_nulls().replace_strict(levels, list(range(len(levels))), default=len(levels), return_dtype=pl.Int64)
    ).to_numpy()
    by_class = _count(codes, label[there], 2, len(names))
    by_part = _count(codes, part[there], len(PARTS), len(names))
    return ColumnFacts(
        name=column.name,
        kind="text",
        rows=len(column),
        distinct=len(ranked),
        id_like=_names_rows(len(ranked), there),
        missing=_missing(there, part, len(PARTS)),
        missing_by_class=_missing(there, label, 2),
        spread=(),
        bins=Bins(None, log=False, levels=names, by_class=by_class, by_part=by_part) if levels else None,
        separation=total_variation(by_class[0], by_class[1]),
        psi=_psi_by_part(by_part, there, part),
        ks=(None, None),
    )


def _names_rows(distinct: int, there: Mask) -> bool:
    values = int(there.sum())
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
        # A column of one value, or nearly: an axis of some width around it.
        margin = 0.0 if high > low else max(abs(low) * 0.01, 0.5)
        edges = np.linspace(low - margin, high + margin, _BINS + 1)
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BINS - 1)
    by_class, by_part = _count(bins, label, 2, _BINS), _count(bins, part, len(PARTS), _BINS)
    return Bins(edges, log=log, levels=(), by_class=by_class, by_part=by_part)


def _missing(there: Mask, group: Counts, groups: int) -> Counts:
    return np.bincount(group[~there], minlength=groups)


def _psi_by_part(by_part: Counts, there: Mask, part: Counts) -> tuple[float | None, float | None]:
    # Missing is one bin more: a column that begins to be empty has moved.
    gone = _missing(there, part, len(PARTS))
    whole = np.column_stack([by_part, gone]) if gone.any() else by_part
    return psi(whole[0], whole[1]), psi(whole[0], whole[2])


def _count(bins: Counts, group: Counts, groups: int, size: int) -> Counts:
    """Return (groups, size): how many rows of each group lie in each bin."""
    return np.bincount(group * size + bins, minlength=groups * size).reshape(groups, size)

"""The facts about a column are correct, whatever its type and content."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.training.eda.rows import ROWS, made_up_labels, make_rows
from training.eda.columns import TOP_LEVELS, ColumnFacts, describe_columns
from training.eda.rows import parts_of

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=ROWS)


def facts_of(column: Any, **given: Any) -> ColumnFacts:
    """Return the facts about one column."""
    rows = make_rows({"it": column}, **given)
    return list(describe_columns(rows, parts_of(rows.event_time_ms)))[1]


@pytest.mark.parametrize(
    "column",
    [
        NORMAL,
        NORMAL.astype(np.float32),
        np.arange(ROWS),
        NORMAL > 0,
        np.exp(3 * NORMAL),
        np.ones(ROWS),
        pl.Series([None] * ROWS, dtype=pl.Float64),
        pl.Series([1.0] + [None] * (ROWS - 1)),
        pl.Series([None] * ROWS, dtype=pl.String),
        [f"level {i % 3000}" for i in range(ROWS)],
        ["", None] * (ROWS // 2),
    ],
    ids=["double", "float32", "int", "bool", "skewed", "constant", "empty", "one", "no text", "levels", "blank"],
)
def test_every_row_is_counted_once(column: Any) -> None:
    """Each row is counted in one bin of its class and one bin of its split, or as missing."""
    facts = facts_of(column)
    counted = 0 if facts.bins is None else facts.bins.by_class.sum()
    assert counted + facts.missing.sum() == ROWS
    assert facts.missing.sum() == facts.missing_by_class.sum()
    if facts.bins is not None:
        assert facts.bins.by_part.sum() == counted
        assert facts.bins.edges is None or (np.diff(facts.bins.edges) > 0).all()
    assert facts.empty == (facts.bins is None)


def test_an_empty_column_has_no_statistics() -> None:
    """An empty column has no separation or spread, and no drift, since its values are missing from every split."""
    facts = facts_of(pl.Series([None] * ROWS, dtype=pl.Float64))
    assert facts.empty
    assert facts.missing_share == 1
    assert (facts.separation, facts.spread) == (None, ())
    assert facts.psi == pytest.approx((0, 0), abs=1e-6)


def test_a_constant_column_does_not_separate_the_classes() -> None:
    """All five values that describe the spread of a constant column are equal."""
    facts = facts_of(np.full(ROWS, 7.0))
    assert facts.constant
    assert facts.separation == 0
    assert facts.spread == (7,) * 5


def test_levels_beyond_the_top_are_pooled() -> None:
    """The most frequent levels come first; all other levels are counted as one."""
    levels = [f"m{min(i % 50, i % 37)}" for i in range(ROWS)]
    facts = facts_of(levels)
    assert facts.bins is not None
    assert len(facts.bins.levels) == TOP_LEVELS + 1
    assert facts.bins.levels[-1] == f"{len(set(levels)) - TOP_LEVELS} other levels"
    counts = facts.bins.by_class.sum(axis=0)
    assert (np.diff(counts[:TOP_LEVELS]) <= 0).all()


def test_a_column_that_reveals_the_label_has_separation_one() -> None:
    """The KS statistic or total variation distance is 1 for a column that reveals the label, and small for noise."""
    assert facts_of(made_up_labels().astype(float)).separation == 1
    assert facts_of(np.where(made_up_labels() == 1, "bad", "good")).separation == 1
    assert (facts_of(NORMAL).separation or 0) < 0.3


def test_a_shift_after_the_training_part_shows_in_both_later_parts() -> None:
    """PSI and KS are large for a column that drifts, and small for an unchanged column."""
    moved = facts_of(NORMAL + 3 * (np.arange(ROWS) >= 0.6 * ROWS))
    still = facts_of(NORMAL)
    for index in (0, 1):
        assert (still.psi[index] or 0) < 0.25
        assert (moved.psi[index] or 0) > 1
        assert (still.ks[index] or 0) < 0.25
        assert (moved.ks[index] or 0) > 0.8


def test_values_that_start_to_be_missing_are_drift() -> None:
    """A rising share of missing values counts as drift, because missing values have a bin of their own."""
    column = pl.Series(NORMAL).to_list()[: ROWS // 2] + [None] * (ROWS // 2)
    assert (facts_of(column).psi[1] or 0) > 1


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.arange(ROWS), True),
        (np.arange(ROWS, dtype=np.float32), True),
        ([f"d{i}" for i in range(ROWS)], True),
        (NORMAL, False),
        (np.arange(ROWS) // 2, False),
    ],
    ids=["numbers", "numbers as floats", "text", "fractions", "pairs"],
)
def test_a_column_with_a_value_per_row_is_like_an_id(column: Any, expected: bool) -> None:
    """A column with all values distinct looks like an id, unless it has fractions, which are often all distinct."""
    assert facts_of(column).id_like is expected


def test_the_axis_covers_frauds_far_from_legitimate_rows() -> None:
    """If frauds have far larger values, the axis covers them too, and they do not all fall into the last bin."""
    facts = facts_of(NORMAL * 0.1 + made_up_labels() * RANDOM.normal(50, 5, ROWS))
    assert facts.bins is not None
    assert facts.bins.by_class[1].max() < ROWS / 10 / 2

"""What is known of a column, whatever it holds."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.training.eda.rows import ROWS, made_up_labels, make_rows
from training.eda.columns import TOP_LEVELS, ColumnFacts, look_at_columns
from training.eda.rows import parts_of

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=ROWS)


def look(column: Any, **given: Any) -> ColumnFacts:
    """Return the facts of one column."""
    rows = make_rows({"it": column}, **given)
    return list(look_at_columns(rows, parts_of(rows.event_time_ms)))[1]


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
    """In one bin of its class and one of its part, or as missing."""
    facts = look(column)
    counted = 0 if facts.bins is None else facts.bins.by_class.sum()
    assert counted + facts.missing.sum() == ROWS
    assert facts.missing.sum() == facts.missing_by_class.sum()
    if facts.bins is not None:
        assert facts.bins.by_part.sum() == counted
        assert facts.bins.edges is None or (np.diff(facts.bins.edges) > 0).all()
    assert facts.empty == (facts.bins is None)


def test_an_empty_column_says_nothing_but_that() -> None:
    """No separation, no spread, and no drift: it is missing alike everywhere."""
    facts = look(pl.Series([None] * ROWS, dtype=pl.Float64))
    assert facts.empty
    assert facts.missing_share == 1
    assert (facts.separation, facts.spread) == (None, ())
    assert facts.psi == pytest.approx((0, 0), abs=1e-6)


def test_a_constant_column_is_one_and_does_not_separate() -> None:
    """Its histogram still has an axis of some width."""
    facts = look(np.full(ROWS, 7.0))
    assert facts.constant
    assert facts.separation == 0
    assert facts.spread == (7,) * 5


def test_levels_beyond_the_top_are_pooled() -> None:
    """The most frequent come first and the rest is one; every row is still counted."""
    levels = [f"m{min(i % 50, i % 37)}" for i in range(ROWS)]
    facts = look(levels)
    assert facts.bins is not None
    assert len(facts.bins.levels) == TOP_LEVELS + 1
    assert facts.bins.levels[-1] == f"{len(set(levels)) - TOP_LEVELS} other levels"
    counts = facts.bins.by_class.sum(axis=0)
    assert (np.diff(counts[:TOP_LEVELS]) <= 0).all()


def test_what_tells_the_label_stands_apart() -> None:
    """KS of 1 for numbers, total variation of 1 for text; noise is far from it."""
    assert look(made_up_labels().astype(float)).separation == 1
    assert look(np.where(made_up_labels() == 1, "bad", "good")).separation == 1
    assert (look(NORMAL).separation or 0) < 0.3


def test_a_column_that_moves_after_training_shows_it() -> None:
    """In PSI and KS, in both later parts; one that does not move shows that."""
    moved = look(NORMAL + 3 * (np.arange(ROWS) >= 0.6 * ROWS))
    still = look(NORMAL)
    for index in (0, 1):
        assert (still.psi[index] or 0) < 0.25
        assert (moved.psi[index] or 0) > 1
        assert (still.ks[index] or 0) < 0.25
        assert (moved.ks[index] or 0) > 0.8


def test_beginning_to_be_missing_is_drift() -> None:
    """Missing values are a bin of their own."""
    column = pl.Series(NORMAL).to_list()[: ROWS // 2] + [None] * (ROWS // 2)
    assert (look(column).psi[1] or 0) > 1


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
def test_what_names_a_row_is_like_an_id(column: Any, expected: bool) -> None:
    """Fractions may well all differ."""
    assert look(column).id_like is expected


def test_frauds_far_out_stay_on_the_axis() -> None:
    """One row in ten is a fraud and far beyond the others: its values are not all in the last bin."""
    facts = look(NORMAL * 0.1 + made_up_labels() * RANDOM.normal(50, 5, ROWS))
    assert facts.bins is not None
    assert facts.bins.by_class[1].max() < ROWS / 10 / 2

"""The alarm rule: when a column's state is ok, high, alarm, page or unknown."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.manifest import Manifest, NaturalMovement
from schemas.messages import ColumnDrift
from stream.drift.alarm_rule import AlarmRule
from stream.drift.binning import Binning, Counts
from stream.drift.statistics import DriftStatistics
from tests.drift.sample_bundle import COLUMNS, ROWS, categories, limits, manifest, profile, rows_of, window

NAN = np.float32("nan")


def evaluate(counts: Counts, *before: int, bundle: Manifest | None = None, **changed: Any) -> dict[str, ColumnDrift]:
    """Return each column's state after a window that follows `before` consecutive windows over the column's limit."""
    statistics = DriftStatistics(Binning(bundle or manifest()))
    rule = AlarmRule(statistics, limits(**changed))
    states_of = rule.evaluate(statistics.measure(counts), before or (0,) * len(statistics.columns))
    return dict(zip((*COLUMNS, "score"), states_of, strict=True))


def states(columns: dict[str, ColumnDrift]) -> dict[str, str]:
    """Return each column's state by name."""
    return {name: column.state for name, column in columns.items()}


def test_a_window_like_the_reference_is_ok() -> None:
    """A window that is distributed like the reference exceeds no column's limits."""
    columns = evaluate(window())
    assert states(columns) == dict.fromkeys(columns, "ok")
    assert columns["V1"].psi_limit == pytest.approx(0.1)
    assert columns["V1"].distance_limit == pytest.approx(0.1)
    assert columns["V1"].missing == 0


def test_one_odd_window_is_high_and_two_in_a_row_alarm() -> None:
    """A column that shifts by half a standard deviation is high, then alarms; the other columns stay ok."""
    moved = window(V2=rows_of(ROWS, 3)[0][:, 1] + 0.5)
    first = evaluate(moved)
    assert states(first) == {"V1": "ok", "V2": "high", "country": "ok", "score": "ok"}
    second = evaluate(moved, *(first[name].in_a_row for name in first))
    assert second["V2"].state == "alarm"
    assert second["V2"].in_a_row == 2
    assert evaluate(window(), 0, 2, 0, 0)["V2"] == evaluate(window())["V2"]


def test_an_alarm_far_beyond_natural_movement_is_a_page() -> None:
    """A column that is always null has no KS statistic; the PSI of its missing-value bin makes it a page."""
    column = evaluate(window(V2=NAN), 0, 1, 0, 0)["V2"]
    assert (column.state, column.missing, column.distance, column.p) == ("page", 1.0, None, None)
    assert column.psi is not None
    assert column.psi > 5


def test_a_category_that_vanishes_is_detected_by_psi_alone() -> None:
    """Only PSI detects a vanished category, because the Jensen-Shannon distance has no limit and no p-value."""
    country = rows_of(ROWS, 3)[0][:, 2]
    column = evaluate(window(country=np.where(country == 2, 0, country)), 0, 0, 1, 0)["country"]
    assert column.state == "page"
    assert (column.p, column.distance_limit) == (None, None)
    assert column.distance is not None
    assert 0.1 < column.distance < 1


def test_unknown_strings_are_a_bin() -> None:
    """If a sender starts to spell countries differently, the column becomes a page."""
    assert evaluate(window(country=3.0), 0, 0, 1, 0)["country"].state == "page"


def test_ks_alone_alarms_where_psi_is_blind() -> None:
    """KS detects that a constant column moves upwards, although it stays in the upper of its two reference bins."""
    constant = manifest(reference={"V1": profile(np.full(20_000, 7, dtype=np.float32))})
    columns = evaluate(Binning(constant).count(np.full((ROWS, 3), 8, np.float32), rows_of(ROWS, 7)[1]), bundle=constant)
    assert columns["V1"].psi == 0
    assert columns["V1"].distance == 1
    assert columns["V1"].state == "high"


def test_natural_movement_raises_the_limits() -> None:
    """A column that moves as much as it did between windows of the training data does not exceed its limits."""
    natural = (NaturalMovement(500, 100, 0.5, 0.4),)
    reference = {"V2": profile(rows_of(20_000, 0)[0][:, 1], natural)}
    matrix, scores = rows_of(ROWS, 3)
    matrix[:, 1] += 0.5
    bundle = manifest(reference=reference)
    column = evaluate(Binning(bundle).count(matrix, scores), bundle=bundle)["V2"]
    assert (column.state, column.psi_limit, column.distance_limit) == ("ok", 0.5, 0.4)


def test_limits_come_from_the_largest_window_size_that_is_not_larger() -> None:
    """Limits come from the largest stored window size that is not larger than the window, or else are unknown."""
    natural = (NaturalMovement(500, 100, 0.5, 0.4), NaturalMovement(2000, 25, 0.3, 0.2))
    bundle = manifest(reference={"V2": profile(rows_of(20_000, 0)[0][:, 1], natural)})
    limits_at = {
        rows: evaluate(Binning(bundle).count(*rows_of(rows, 3)), bundle=bundle)["V2"]
        for rows in (499, 500, 1999, 2000, 9999)
    }
    assert {rows: column.psi_limit for rows, column in limits_at.items()} == {
        499: None, 500: 0.5, 1999: 0.5, 2000: 0.3, 9999: 0.3,
    }  # fmt: skip
    assert limits_at[499].state == "unknown"
    assert limits_at[499].psi is not None


def test_chance_sets_the_limit_of_a_small_window() -> None:
    """100 rows in ten bins reach a PSI above 0.1 by chance, so the limit is the χ² critical value for four columns."""
    natural = (NaturalMovement(100, 100, 0.0, 0.0),)
    bundle = manifest(reference={"V2": profile(rows_of(20_000, 0)[0][:, 1], natural)})
    column = evaluate(Binning(bundle).count(*rows_of(100, 3)), bundle=bundle)["V2"]
    assert column.psi_limit is not None
    assert 0.2 < column.psi_limit < 0.4


def test_significance_without_distance_is_no_alarm() -> None:
    """A shift of a tenth of a standard deviation in 50,000 rows is significant, but too small for an alarm."""
    matrix, scores = rows_of(50_000, 3)
    matrix[:, 1] += 0.1
    column = evaluate(Binning(manifest()).count(matrix, scores))["V2"]
    assert column.p is not None
    assert column.p < 1e-6
    assert column.state == "ok"


def test_without_a_reference_everything_is_unknown() -> None:
    """A bundle without a reference or without natural movement never raises an alarm."""
    without = manifest(reference={}, score_reference=None)
    columns = evaluate(Binning(without).count(*rows_of(ROWS, 3)), bundle=without)
    assert states(columns) == dict.fromkeys(columns, "unknown")
    assert all(column.psi is None and column.distance is None for column in columns.values())
    old = manifest(score_reference=profile(rows_of(ROWS, 3)[1], ()))
    score = evaluate(window(), bundle=old)["score"]
    assert score.state == "unknown"
    assert score.psi is not None


def test_a_window_without_rows_is_unknown() -> None:
    """A window without rows causes neither a division by zero nor an alarm."""
    columns = evaluate(np.zeros(Binning(manifest()).width, dtype=np.int64), 1, 1, 1, 1)
    assert states(columns) == dict.fromkeys(columns, "unknown")
    assert {column.in_a_row for column in columns.values()} == {0}


def test_a_reference_with_only_missing_values_is_defined() -> None:
    """A column that was empty during training but now has values gets the level high."""
    empty = manifest(reference={"V1": msgspec.structs.replace(categories((0,)), missing=20_000)})
    counts = Binning(empty).count(*rows_of(ROWS, 3))
    column = evaluate(counts, bundle=empty)["V1"]
    assert (column.state, column.distance) == ("high", None)


def test_several_windows_are_checked_as_each_alone() -> None:
    """Checking several windows along a leading axis gives the same results as checking each window alone."""
    statistics = DriftStatistics(Binning(manifest()))
    rule = AlarmRule(statistics, limits())
    windows = np.stack([window(), window(V2=NAN), window(V1=5.0), np.zeros_like(window())])
    together = rule.check(statistics.measure(windows))
    for index, counts in enumerate(windows):
        alone = rule.check(statistics.measure(counts))
        assert np.array_equal(alone.over, together.over[index])
        assert np.array_equal(alone.psi_limit, together.psi_limit[index], equal_nan=True)


def test_the_number_of_windows_in_a_row_is_a_setting() -> None:
    """Depending on the setting, an alarm takes one or three windows in a row instead of two."""
    moved = window(V2=NAN)
    assert evaluate(moved, windows_in_a_row=1)["V2"].state == "page"
    assert evaluate(moved, 0, 1, 0, 0, windows_in_a_row=3)["V2"].state == "high"
    assert evaluate(moved, 0, 2, 0, 0, windows_in_a_row=3)["V2"].state == "page"

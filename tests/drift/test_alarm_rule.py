"""What is an alarm, what is a page, and what is nothing to judge."""

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


def judge(counts: Counts, *before: int, bundle: Manifest | None = None, **changed: Any) -> dict[str, ColumnDrift]:
    """Return what the rule says of a window after so many windows in a row, of every column."""
    measure = DriftStatistics(Binning(bundle or manifest()))
    rule = AlarmRule(measure, limits(**changed))
    found = rule.evaluate(measure.measure(counts), before or (0,) * len(measure.columns))
    return dict(zip((*COLUMNS, "score"), found, strict=True))


def states(found: dict[str, ColumnDrift]) -> dict[str, str]:
    """Return each column's state."""
    return {name: column.state for name, column in found.items()}


def test_a_window_like_the_reference_is_no_alarm() -> None:
    """Every column is judged, each against its limits."""
    found = judge(window())
    assert states(found) == dict.fromkeys(found, "ok")
    assert found["V1"].psi_limit == pytest.approx(0.1)
    assert found["V1"].distance_limit == pytest.approx(0.1)
    assert found["V1"].missing == 0


def test_one_odd_window_is_high_and_two_in_a_row_alarm() -> None:
    """A shift of half a standard deviation; only the column that moved."""
    moved = window(V2=rows_of(ROWS, 3)[0][:, 1] + 0.5)
    first = judge(moved)
    assert states(first) == {"V1": "ok", "V2": "high", "country": "ok", "score": "ok"}
    second = judge(moved, *(first[name].in_a_row for name in first))
    assert second["V2"].state == "alarm"
    assert second["V2"].in_a_row == 2
    assert judge(window(), 0, 2, 0, 0)["V2"] == judge(window())["V2"]


def test_an_alarm_far_beyond_natural_movement_is_a_page() -> None:
    """Stuck at null: PSI of the missing bin, where KS has nothing to look at."""
    found = judge(window(V2=NAN), 0, 1, 0, 0)["V2"]
    assert (found.state, found.missing, found.distance, found.p) == ("page", 1.0, None, None)
    assert found.psi is not None
    assert found.psi > 5


def test_a_category_that_vanishes_is_found_by_psi_alone() -> None:
    """Its distance is Jensen-Shannon's and has neither limit nor p-value."""
    country = rows_of(ROWS, 3)[0][:, 2]
    found = judge(window(country=np.where(country == 2, 0, country)), 0, 0, 1, 0)["country"]
    assert found.state == "page"
    assert (found.p, found.distance_limit) == (None, None)
    assert found.distance is not None
    assert 0.1 < found.distance < 1


def test_strings_that_are_no_category_are_a_bin() -> None:
    """An upstream that spells its countries otherwise."""
    assert judge(window(country=3.0), 0, 0, 1, 0)["country"].state == "page"


def test_ks_alone_alarms_where_psi_is_blind() -> None:
    """A constant that leaves its value upwards stays in the upper of its two bins."""
    constant = manifest(reference={"V1": profile(np.full(20_000, 7, dtype=np.float32))})
    found = judge(Binning(constant).count(np.full((ROWS, 3), 8, np.float32), rows_of(ROWS, 7)[1]), bundle=constant)
    assert found["V1"].psi == 0
    assert found["V1"].distance == 1
    assert found["V1"].state == "high"


def test_a_column_that_moves_by_itself_is_given_its_own_limits() -> None:
    """What training saw in its own windows is nothing new."""
    natural = (NaturalMovement(500, 100, 0.5, 0.4),)
    reference = {"V2": profile(rows_of(20_000, 0)[0][:, 1], natural)}
    matrix, scores = rows_of(ROWS, 3)
    matrix[:, 1] += 0.5
    bundle = manifest(reference=reference)
    found = judge(Binning(bundle).count(matrix, scores), bundle=bundle)["V2"]
    assert (found.state, found.psi_limit, found.distance_limit) == ("ok", 0.5, 0.4)


def test_the_largest_stored_size_that_is_not_above_the_window_s_counts() -> None:
    """With fewer rows than the smallest, nothing is known."""
    natural = (NaturalMovement(500, 100, 0.5, 0.4), NaturalMovement(2000, 25, 0.3, 0.2))
    bundle = manifest(reference={"V2": profile(rows_of(20_000, 0)[0][:, 1], natural)})
    limits_at = {
        rows: judge(Binning(bundle).count(*rows_of(rows, 3)), bundle=bundle)["V2"] for rows in (499, 500, 1999, 2000, 9999)
    }
    assert {rows: found.psi_limit for rows, found in limits_at.items()} == {
        499: None, 500: 0.5, 1999: 0.5, 2000: 0.3, 9999: 0.3,
    }  # fmt: skip
    assert limits_at[499].state == "unknown"
    assert limits_at[499].psi is not None


def test_chance_is_a_limit_where_the_window_is_small() -> None:
    """100 rows in ten bins stray by more than 0.1: χ², at the level of four columns together."""
    natural = (NaturalMovement(100, 100, 0.0, 0.0),)
    bundle = manifest(reference={"V2": profile(rows_of(20_000, 0)[0][:, 1], natural)})
    found = judge(Binning(bundle).count(*rows_of(100, 3)), bundle=bundle)["V2"]
    assert found.psi_limit is not None
    assert 0.2 < found.psi_limit < 0.4


def test_significance_alone_is_no_alarm() -> None:
    """A shift of a tenth of a standard deviation in 50,000 rows: no chance, and no matter."""
    matrix, scores = rows_of(50_000, 3)
    matrix[:, 1] += 0.1
    found = judge(Binning(manifest()).count(matrix, scores))["V2"]
    assert found.p is not None
    assert found.p < 1e-6
    assert found.state == "ok"


def test_without_a_reference_everything_is_unknown() -> None:
    """A bundle that wants no drift watch, or one of before natural movement was measured: nothing is an alarm."""
    bare = manifest(reference={}, score_reference=None)
    found = judge(Binning(bare).count(*rows_of(ROWS, 3)), bundle=bare)
    assert states(found) == dict.fromkeys(found, "unknown")
    assert all(column.psi is None and column.distance is None for column in found.values())
    old = manifest(score_reference=profile(rows_of(ROWS, 3)[1], ()))
    score = judge(window(), bundle=old)["score"]
    assert score.state == "unknown"
    assert score.psi is not None


def test_a_window_without_rows_says_nothing() -> None:
    """No division by zero, no alarm."""
    found = judge(np.zeros(Binning(manifest()).width, dtype=np.int64), 1, 1, 1, 1)
    assert states(found) == dict.fromkeys(found, "unknown")
    assert {column.in_a_row for column in found.values()} == {0}


def test_a_reference_of_nothing_but_missing_values_is_defined() -> None:
    """A column that was empty at training and is filled now."""
    empty = manifest(reference={"V1": msgspec.structs.replace(categories((0,)), missing=20_000)})
    counts = Binning(empty).count(*rows_of(ROWS, 3))
    found = judge(counts, bundle=empty)["V1"]
    assert (found.state, found.distance) == ("high", None)


def test_windows_at_once_are_judged_as_each_alone() -> None:
    """Leading axes are windows: what a simulation uses."""
    measure = DriftStatistics(Binning(manifest()))
    rule = AlarmRule(measure, limits())
    windows = np.stack([window(), window(V2=NAN), window(V1=5.0), np.zeros_like(window())])
    together = rule.check(measure.measure(windows))
    for place, counts in enumerate(windows):
        alone = rule.check(measure.measure(counts))
        assert np.array_equal(alone.over, together.over[place])
        assert np.array_equal(alone.psi_limit, together.psi_limit[place], equal_nan=True)


def test_so_many_windows_in_a_row_as_the_setting_says() -> None:
    """One is enough, or three are wanted."""
    moved = window(V2=NAN)
    assert judge(moved, windows_in_a_row=1)["V2"].state == "page"
    assert judge(moved, 0, 1, 0, 0, windows_in_a_row=3)["V2"].state == "high"
    assert judge(moved, 0, 2, 0, 0, windows_in_a_row=3)["V2"].state == "page"

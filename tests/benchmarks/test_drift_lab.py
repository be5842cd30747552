"""The drift lab, small: made-up data in the shape of the real, windows of 1,000 rows, a few repetitions."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from benchmarks.drift_lab.bank import Bank, draw
from benchmarks.drift_lab.findings import Findings, Size, explore
from benchmarks.drift_lab.silence import judge_all
from benchmarks.drift_lab.worlds import World, cut_into_categories, exchangeable, shuffled
from numpy.typing import NDArray

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.__main__ import write
from benchmarks.drift_lab.baselines import river
from benchmarks.drift_lab.baselines.evidently import Asked, read
from benchmarks.drift_lab.power import first_run, undisturbed
from benchmarks.drift_lab.scenarios import SCENARIOS, vanishing, without
from schemas.errors import FraudError
from schemas.manifest import ReferenceProfile
from stream.drift.alarm_rule import DriftLimits, drift_limits
from stream.drift.binning import Counts
from stream.settings import Settings
from tests.training.conftest import make_frame
from training.data.dataset import Dataset, load

LIMITS: DriftLimits = msgspec.structs.replace(drift_limits(Settings()), window_rows=1000)
SIZE = Size(days=0.2, repetitions=20)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Rows enough for natural movement at 1,000 rows."""
    path = tmp_path_factory.mktemp("drift-lab") / "data.parquet"
    make_frame(rows=20_000, fraud_share=0.02).write_parquet(path)
    return load(path)


@pytest.fixture(scope="module")
def found(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """The whole lab, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(river, "_SLOW_ROWS", 50)
        scratch = tmp_path_factory.mktemp("bundles")
        return explore(data, SIZE, scratch, lambda _: None, limits=LIMITS, evidently_python=None)


@pytest.fixture(scope="module")
def world(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The exchangeable one."""
    return exchangeable(data, tmp_path_factory.mktemp("world") / "bundle", seed=1)


@pytest.fixture(scope="module")
def bank(world: World) -> Bank:
    """Windows of it."""
    return draw(world, LIMITS, SIZE.days, seed=2)


def test_where_nothing_drifts_the_rule_is_silent(found: Findings) -> None:
    """Over all features and the score together."""
    assert found.exchangeable.windows == 28
    assert len(found.exchangeable.names) == 30
    assert found.exchangeable.count == 0
    assert found.alert_alarms == 0


def test_what_is_injected_is_found(found: Findings) -> None:
    """Each feature in each scenario, with the delay that two windows in a row need at least."""
    assert len(found.power) == 29 * (len(SCENARIOS) + 1)
    plain = [each for each in found.power if each.psi >= pictures.PROMISED_PSI]
    assert {each.scenario for each in plain} >= {"value doubled", "shift by 0.5 sd", "stuck at null"}
    assert all(each.found >= 0.95 for each in plain)
    assert all(each.delay is not None and 1 < each.delay <= 4 for each in plain)


def test_a_trend_is_found_soon_after_its_psi_crosses_the_limit(found: Findings) -> None:
    """Of normal features, whose PSI is about the square of the shift in standard deviations."""
    normal = [each for each in found.trends if each.feature.startswith("V") and int(each.feature[1:]) > 6]
    assert all(each.crossing is not None and 0.2 < each.crossing < 0.5 for each in normal)
    assert all(each.delay is not None and each.delay < 5 for each in normal)


def test_a_doubled_alert_rate_is_found(found: Findings) -> None:
    """The champion's own; of one in a thousand this small reference has a handful, by which nothing can be told."""
    own, _ = found.alert_rates
    assert own.found_by_window >= 0.6
    assert own.median < 60


def test_concept_drift_is_found_by_labels_and_not_by_the_estimate_without(found: Findings) -> None:
    """Recall falls, its estimate stands still, and the watch over misses alarms more often than where nothing moved."""
    course = found.course
    assert course.recall[15:].mean() < 0.75 * course.recall[:15].mean()
    assert course.expected_recall[15:].mean() == pytest.approx(course.expected_recall[:15].mean(), abs=0.02)
    assert course.alarm is not None
    still, *moved = found.concept
    assert still.found < moved[-1].found == 1


def test_every_detector_of_river_answers_what_it_can_be_asked(found: Findings) -> None:
    """A value that is missing is no question to it."""
    asked = {"undisturbed", *SCENARIOS} - {"stuck at null"}
    assert [set(each.found) for each in found.river] == [asked] * 3


def test_the_page_and_its_pictures_are_written(found: Findings, tmp_path: Path) -> None:
    """The page names every picture, and no picture that is not there."""
    page = write(found, tmp_path).read_text(encoding="utf-8")
    names = {pictures.POWER, pictures.TREND, pictures.NATURAL, pictures.CONCEPT}
    assert {file.name for file in tmp_path.iterdir()} == {"drift-lab.md", *names}
    assert all(f"({name})" in page for name in names)
    assert "nan" not in page
    assert "Evidently was not asked" in page


def test_an_exchanged_column_is_measured_as_if_all_had_been(bank: Bank) -> None:
    """Holm's correction over all columns included: bit for bit."""
    column, windows = bank.grid.features[3], np.arange(8)
    disturbed = _counts(bank, "value doubled", windows)
    other = disturbed[:, column.start : column.stop]
    counts = bank.counts[windows].copy()
    counts[:, column.start : column.stop] = other
    whole = bank.measure.measure(counts)
    quick = bank.others.with_column(windows, column, other)
    for name in ("rows", "psi", "distance", "p", "missing"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(whole, name))


def test_an_alarm_by_the_lab_is_one_by_the_rule(bank: Bank) -> None:
    """Runs of windows over a limit come to the states that the rule itself gives."""
    counts = np.concatenate([bank.counts[:6], _counts(bank, "variance doubled", np.arange(6, 12))])
    judged = judge_all(bank.measure, bank.rule, counts)
    over = bank.rule.check(bank.measure.measure(counts)).over
    first = first_run(over.T, LIMITS.windows_in_a_row)
    alarmed = judged.alarming.any(axis=0)
    assert alarmed.any()
    assert np.where(alarmed, judged.alarming.argmax(axis=0), len(counts)).tolist() == first.tolist()


def _counts(bank: Bank, scenario: str, windows: NDArray[np.intp]) -> Counts:
    """Count windows (w,) of the bank with every feature disturbed."""
    matrix, scores = SCENARIOS[scenario](bank.world.matrix), bank.world.scored.scores
    return np.stack([bank.grid.count(matrix[rows], scores[rows]) for rows in bank.drawn[windows]])


def test_a_vanished_category_is_the_rarest_that_is_not_rare() -> None:
    """Of one with all the rows nothing would be left, so it stays."""
    profile = ReferenceProfile((1.0, 2.0, 3.0), (60, 34, 6, 0), ())
    assert vanishing(profile) == 2
    assert without(np.array([60, 34, 6, 0, 1]), 2).tolist() == [60, 34, 0, 0, 1]
    assert vanishing(ReferenceProfile((1.0,), (100, 0), ())) is None


def test_shuffled_rows_keep_the_times_in_order(data: Dataset) -> None:
    """Or the split by time would undo the shuffling."""
    other = shuffled(data, seed=3)
    assert (np.diff(other.event_time_ms) >= 0).all()
    assert sorted(other.row.tolist()) == data.row.tolist() != other.row.tolist()


def test_categories_keep_the_order_of_values(data: Dataset) -> None:
    """Letters rise with the values, and the amount has its own."""
    cut = cut_into_categories(data)
    assert set(cut.description.features.values()) == {"categorical"}
    letters = cut.frame["V1"].to_numpy()[np.argsort(data.frame["V1"].to_numpy(), kind="stable")]
    assert list(letters) == sorted(letters)
    assert "Amount band" in cut.frame.columns


def test_the_bank_draws_rows_of_the_stream(bank: Bank) -> None:
    """Each window has its rows, and all of them together the shares of the whole."""
    assert set(bank.counts.sum(axis=1).tolist()) == {30 * LIMITS.window_rows}
    column = bank.grid.features[0]
    whole = bank.grid.column_counts(column, undisturbed(bank))
    drawn = bank.grid.column_counts(column, bank.counts.sum(axis=0))
    assert np.abs(drawn / drawn.sum() - whole / whole.sum()).max() < 0.02


def test_what_evidently_said_is_counted() -> None:
    """A window is drifted as a whole when half of its columns are; a refusal is no answer."""
    said = read({"some": [[True, False, False], [True, True, False]], "null": [[None, None]]})
    assert said["some"].drifted == pytest.approx(0.5)
    assert (said["some"].any_column, said["some"].whole) == (2, 1)
    assert said["null"].drifted is None


def test_evidently_that_cannot_be_asked_is_told_in_a_line(bank: Bank, tmp_path: Path) -> None:
    """Here by an interpreter that has it not."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"Traceback\nModuleNotFoundError: No module named 'evidently'\" >&2\nexit 1\n")
    python.chmod(0o755)
    with Asked(bank, python) as asked, pytest.raises(FraudError, match="Evidently failed: ModuleNotFoundError"):
        asked.answer()

"""The drift lab on a small scale: synthetic data like ULB's, windows of 1,000 rows, and few repetitions."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.__main__ import write
from benchmarks.drift_lab.baselines import river
from benchmarks.drift_lab.baselines.evidently import EvidentlyRun, summarize
from benchmarks.drift_lab.lab import DriftLabResults, LabSize, run_lab
from benchmarks.drift_lab.power import count_stream, first_run
from benchmarks.drift_lab.scenarios import SCENARIOS, drop_category, rarest_common_category
from benchmarks.drift_lab.streams import LabStream, cut_into_categories, exchangeable_stream, shuffled
from benchmarks.drift_lab.undisturbed import judge_all
from benchmarks.drift_lab.windows import WindowSample, draw_windows
from schemas.errors import FraudError
from schemas.manifest import ReferenceProfile
from stream.drift.alarm_rule import DriftLimits, drift_limits
from stream.drift.binning import Counts
from stream.settings import DriftSettings, WatermarkSettings
from tests.training.frames import make_frame
from training.data.dataset import Dataset, load

LIMITS: DriftLimits = msgspec.structs.replace(drift_limits(DriftSettings(), WatermarkSettings()), window_rows=1000)
SIZE = LabSize(days=0.2, repetitions=20)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Synthetic data with enough rows to measure natural movement in windows of 1,000 rows."""
    path = tmp_path_factory.mktemp("drift-lab") / "data.parquet"
    make_frame(rows=20_000, fraud_share=0.02).write_parquet(path)
    return load(path)


@pytest.fixture(scope="module")
def results(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> DriftLabResults:
    """Results of a run of the whole lab."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(river, "_SLOW_ROWS", 50)
        scratch = tmp_path_factory.mktemp("bundles")
        return run_lab(data, SIZE, scratch, lambda _: None, limits=LIMITS, evidently_python=None)


@pytest.fixture(scope="module")
def stream(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> LabStream:
    """An exchangeable stream made from the synthetic data."""
    return exchangeable_stream(data, tmp_path_factory.mktemp("stream") / "bundle", seed=1)


@pytest.fixture(scope="module")
def sample(stream: LabStream) -> WindowSample:
    """Windows drawn from the exchangeable stream."""
    return draw_windows(stream, LIMITS, SIZE.days, seed=2)


def test_the_rule_is_silent_without_drift(results: DriftLabResults) -> None:
    """Without drift, the rule raises no alarm on any feature, the score or the alert rate."""
    assert results.exchangeable.windows == 28
    assert len(results.exchangeable.names) == 30
    assert results.exchangeable.count == 0
    assert results.alert_alarms == 0


def test_injected_drift_is_detected(results: DriftLabResults) -> None:
    """Every scenario is detected in every feature, after at least the two consecutive windows that an alarm takes."""
    assert len(results.power) == 29 * (len(SCENARIOS) + 1)
    clear = [each for each in results.power if each.psi >= pictures.TARGET_PSI]
    assert {each.scenario for each in clear} >= {"value doubled", "shift by 0.5 sd", "stuck at null"}
    assert all(each.detected >= 0.95 for each in clear)
    assert all(each.delay is not None and 1 < each.delay <= 4 for each in clear)


def test_a_trend_is_detected_soon_after_its_psi_crosses_the_limit(results: DriftLabResults) -> None:
    """A trend is detected soon after its PSI crosses the limit.

    Only normally distributed features are tested: their PSI is about the squared shift in standard deviations, so the
    crossing is known.
    """
    normal = [each for each in results.trends if each.feature.startswith("V") and int(each.feature[1:]) > 6]
    assert all(each.crossing is not None and 0.2 < each.crossing < 0.5 for each in normal)
    assert all(each.delay is not None and each.delay < 5 for each in normal)


def test_a_doubled_alert_rate_is_detected(results: DriftLabResults) -> None:
    """A doubling of the champion's alert rate is detected; a rare rate would have too few alerts in the reference."""
    own, _ = results.alert_rates
    assert own.detected_by_window >= 0.6
    assert own.median < 60


def test_concept_drift_is_detected_by_labels_only(results: DriftLabResults) -> None:
    """Under concept drift, recall falls but its estimate does not, and missed frauds raise more alarms than usual."""
    timeline = results.timeline
    assert timeline.recall[15:].mean() < 0.75 * timeline.recall[:15].mean()
    assert timeline.expected_recall[15:].mean() == pytest.approx(timeline.expected_recall[:15].mean(), abs=0.02)
    assert timeline.alarm is not None
    unmoved, *moved = results.concept
    assert unmoved.detected < moved[-1].detected == 1


def test_every_detector_of_river_runs_on_numeric_scenarios(results: DriftLabResults) -> None:
    """Every detector from river has a result for each scenario except the one with missing values, which is skipped."""
    numeric = {"undisturbed", *SCENARIOS} - {"stuck at null"}
    assert [set(each.detected) for each in results.river] == [numeric] * 3


def test_the_page_and_its_figures_are_written(results: DriftLabResults, tmp_path: Path) -> None:
    """The page links to exactly the charts that are written."""
    page = write(results, tmp_path).read_text(encoding="utf-8")
    names = {pictures.POWER, pictures.TREND, pictures.NATURAL, pictures.CONCEPT}
    assert {file.name for file in tmp_path.iterdir()} == {"drift-lab.md", *names}
    assert all(f"({name})" in page for name in names)
    assert "nan" not in page
    assert "Evidently was skipped" in page


def test_replacing_a_column_equals_measuring_all_columns(sample: WindowSample) -> None:
    """Replacing one column's counts gives bit for bit the same statistics as measuring all columns again."""
    column, windows = sample.binning.features[3], np.arange(8)
    disturbed = _counts(sample, "value doubled", windows)
    replacement = disturbed[:, column.start : column.stop]
    counts = sample.counts[windows].copy()
    counts[:, column.start : column.stop] = replacement
    expected = sample.statistics.measure(counts)
    replaced = sample.replacer.replace(windows, column, replacement)
    for name in ("rows", "psi", "distance", "p", "missing"):
        np.testing.assert_array_equal(getattr(replaced, name), getattr(expected, name))


def test_the_lab_finds_the_same_alarms_as_the_rule(sample: WindowSample) -> None:
    """Alarms found from consecutive windows over a limit equal the alarms in the rule's own states."""
    counts = np.concatenate([sample.counts[:6], _counts(sample, "variance doubled", np.arange(6, 12))])
    judged = judge_all(sample.statistics, sample.rule, counts)
    over = sample.rule.check(sample.statistics.measure(counts)).over
    first = first_run(over.T, LIMITS.windows_in_a_row)
    alarmed = judged.alarming.any(axis=0)
    assert alarmed.any()
    assert np.where(alarmed, judged.alarming.argmax(axis=0), len(counts)).tolist() == first.tolist()


def _counts(sample: WindowSample, scenario: str, windows: NDArray[np.intp]) -> Counts:
    """Return the counts of the windows with these (w,) numbers, after the scenario has changed every feature."""
    matrix, scores = SCENARIOS[scenario](sample.stream.matrix), sample.stream.scored.scores
    return np.stack([sample.binning.count(matrix[rows], scores[rows]) for rows in sample.row_indices[windows]])


def test_the_rarest_common_category_vanishes() -> None:
    """The rarest common category is removed, but a single category that has all rows is kept."""
    profile = ReferenceProfile((1.0, 2.0, 3.0), (60, 34, 6, 0), ())
    assert rarest_common_category(profile) == 2
    assert drop_category(np.array([60, 34, 6, 0, 1]), 2).tolist() == [60, 34, 0, 0, 1]
    assert rarest_common_category(ReferenceProfile((1.0,), (100, 0), ())) is None


def test_shuffled_rows_keep_the_times_in_order(data: Dataset) -> None:
    """Event times keep their order when rows are shuffled; otherwise the split by time would undo the shuffle."""
    permuted = shuffled(data, seed=3)
    assert (np.diff(permuted.event_time_ms) >= 0).all()
    assert sorted(permuted.row.tolist()) == data.row.tolist() != permuted.row.tolist()


def test_categories_keep_the_order_of_values(data: Dataset) -> None:
    """Larger values get later category letters, and the amount becomes a categorical feature, too."""
    cut = cut_into_categories(data)
    assert set(cut.description.features.values()) == {"categorical"}
    letters = cut.frame["V1"].to_numpy()[np.argsort(data.frame["V1"].to_numpy(), kind="stable")]
    assert list(letters) == sorted(letters)
    assert "Amount band" in cut.frame.columns


def test_windows_are_drawn_from_the_stream(sample: WindowSample) -> None:
    """Each window has the configured number of rows, and all windows together are distributed like the stream."""
    assert set(sample.counts.sum(axis=1).tolist()) == {30 * LIMITS.window_rows}
    column = sample.binning.features[0]
    whole = sample.binning.column_counts(column, count_stream(sample))
    drawn = sample.binning.column_counts(column, sample.counts.sum(axis=0))
    assert np.abs(drawn / drawn.sum() - whole / whole.sum()).max() < 0.02


def test_evidently_results_are_summarized() -> None:
    """A window counts as drifted if half of its columns have drifted; rejected data gives no result."""
    summary = summarize({"some": [[True, False, False], [True, True, False]], "null": [[None, None]]})
    assert summary["some"].drifted == pytest.approx(0.5)
    assert (summary["some"].any_column, summary["some"].whole) == (2, 1)
    assert summary["null"].drifted is None


def test_a_failure_of_evidently_is_one_line(sample: WindowSample, tmp_path: Path) -> None:
    """If the interpreter lacks the Evidently package, the run fails with a one-line error."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"Traceback\nModuleNotFoundError: No module named 'evidently'\" >&2\nexit 1\n")
    python.chmod(0o755)
    with EvidentlyRun(sample, python) as run, pytest.raises(FraudError, match="Evidently failed: ModuleNotFoundError"):
        run.results()

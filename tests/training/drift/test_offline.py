"""A file and the live worker give the same drift statistics for the same rows."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from schemas.errors import DataError
from schemas.manifest import Feature
from schemas.messages import DriftCounts, DriftReport, encode
from stream.drift.alarm_rule import DriftLimits, drift_limits
from stream.drift.counts_merger import CountsMerger
from stream.scoring.features import FeaturePlan
from stream.serving.drift_counts import DriftCounter
from stream.settings import Settings
from tests.scoring.fake_model import SCORING_TIME, FakeModel, raw_batch, scorer
from tests.training.drift.models import FILE, WINDOW, Case, make_case
from training.bundling.build_bundle import accepted_raw_features
from training.data.messages import transactions
from training.drift.offline import measure_drift

#: Panes are a day long, because the live worker keeps only a limited number of panes open.
SETTINGS = Settings().replace(drift_window_rows=WINDOW, drift_pane_s=86_400)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A model and a file whose `risk` drifts in its second half."""
    return make_case(tmp_path_factory.mktemp("drift"))


def live(case: Case, model: FakeModel, limits: DriftLimits, seed: int) -> list[DriftReport]:
    """Score the rows as messages, in batches of random sizes on two workers, and merge the workers' counts."""
    merger = CountsMerger(lambda _: model.manifest, limits, refuse)
    reports: list[DriftReport] = []
    for offset, message in enumerate(_counted(case, model, np.random.default_rng(seed))):
        reports += merger.add(offset, message)
    return reports


def refuse(message: DriftCounts, why: str) -> None:
    """Fail the test if counts are rejected."""
    raise AssertionError(f"{message.sequence}: {why}")


def _counted(case: Case, model: FakeModel, random: np.random.Generator) -> Iterator[DriftCounts]:
    scores = scorer(model)
    workers = [DriftCounter(slot, SETTINGS.drift, SETTINGS.watermark) for slot in ("a", "b")]
    for worker in workers:
        worker.prepare(scores.roles)
    sent = [encode(transaction) for transaction in transactions(case.rows)]
    for start in range(0, len(sent), WINDOW):
        for batch in _batches(sent[start : start + WINDOW], random):
            observed = scores.score(raw_batch(batch), SCORING_TIME).batch_scores
            assert observed is not None
            workers[int(random.integers(2))].add([observed])
        for worker in workers:
            yield from (msgspec.json.decode(raw, type=DriftCounts) for raw in worker.take())


def _batches(sent: Sequence[bytes], random: np.random.Generator) -> Iterator[Sequence[bytes]]:
    cuts = np.sort(random.integers(0, len(sent), 5)).tolist()
    for start, stop in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        if start < stop:
            yield sent[start:stop]


def numbers(report: DriftReport) -> dict[str, object]:
    """Return a report without the offsets of its counts and the time at which it was written."""
    excluded = ("first_offset", "next_offset", "settled_offset", "written_at_ms")
    return {name: value for name, value in msgspec.structs.asdict(report).items() if name not in excluded}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_live_worker_and_a_file_give_identical_numbers(case: Case, seed: int) -> None:
    """Every statistic, limit, state and count is equal; means of scores may differ in the last digits."""
    limits = drift_limits(SETTINGS.drift, SETTINGS.watermark)
    offline, online = measure_drift(case.rows, case.model, limits).reports, live(case, case.model, limits, seed)
    assert len(offline) == len(online) == FILE // WINDOW
    sums = ("mean_score", "expected_precision", "expected_recall")
    for one, other in zip(map(numbers, offline), map(numbers, online), strict=True):
        for name in sums:
            assert one.pop(name) == pytest.approx(other.pop(name), rel=1e-12)
        assert one == other


def test_a_moving_feature_alarms_and_an_unchanged_one_does_not(case: Case) -> None:
    """The drifting risk ends in state `page`, and the alert rate, which depends on the risk, in state `alarm`."""
    reports = measure_drift(case.rows, case.model, drift_limits(SETTINGS.drift, SETTINGS.watermark)).reports
    moved = [report.features["risk"].state for report in reports]
    assert moved[:3] == ["ok"] * 3
    assert moved[-2:] == ["page"] * 2
    assert {report.features["channel"].state for report in reports} == {"ok"}
    assert reports[-1].alert_rate is not None
    assert reports[-1].alert_rate.state == "alarm"


def test_missing_values_are_counted_as_missing_although_the_model_scores_the_median(case: Case) -> None:
    """A tenth of the risks and a twentieth of the channels are missing, and are counted as missing."""
    for report in measure_drift(case.rows, case.model, drift_limits(SETTINGS.drift, SETTINGS.watermark)).reports:
        assert 0.06 < report.features["risk"].missing < 0.14
        assert 0.02 < report.features["channel"].missing < 0.09


def test_rows_that_the_model_refuses_are_reported_and_not_counted(tmp_path: Path) -> None:
    """Rows that the model rejects are not counted: on the stream they are dead letters, and the reference has none."""
    case = make_case(tmp_path, "refuse")
    drift = measure_drift(case.rows, case.model, drift_limits(SETTINGS.drift, SETTINGS.watermark))
    complete = case.rows.frame.select("risk", "channel", "merchant").drop_nulls()
    assert (drift.rows, drift.refused) == (len(complete), FILE - len(complete))
    assert {report.features["risk"].missing for report in drift.reports} == {0.0}
    psi = drift.reports[0].features["risk"].psi
    assert psi is not None
    assert psi < 0.1


def test_a_training_part_without_an_accepted_row_is_an_error(tmp_path: Path) -> None:
    """A training split in which no row is accepted causes a one-line error instead of an error from numpy."""
    rows = make_case(tmp_path).rows
    gaps = dataclasses.replace(rows, frame=rows.frame.with_columns(risk=pl.lit(None, dtype=pl.Float64)))
    plan = FeaturePlan([Feature("risk", 0.0)], "refuse")
    with pytest.raises(DataError, match="every row of the training split has a missing value"):
        accepted_raw_features(gaps, plan)


def test_rows_left_over_at_the_end_are_reported(case: Case) -> None:
    """Rows at the end that do not fill a window are reported and not judged."""
    drift = measure_drift(case.rows, case.model, drift_limits(SETTINGS.drift, SETTINGS.watermark))
    assert [report.rows for report in drift.reports] == [WINDOW] * (FILE // WINDOW)
    assert drift.left_over == FILE % WINDOW


def test_fewer_rows_than_a_window_give_no_report(case: Case) -> None:
    """A file with fewer rows than a window has no report, and all its rows are left over."""
    drift = measure_drift(
        case.rows.part(slice(0, WINDOW - 1)), case.model, drift_limits(SETTINGS.drift, SETTINGS.watermark)
    )
    assert (drift.reports, drift.left_over) == ((), WINDOW - 1)


def test_a_window_also_needs_its_event_time_span(case: Case) -> None:
    """As on the stream, a window stays open until the watermark has moved far enough."""
    limits = drift_limits(SETTINGS.replace(drift_window_s=2 * 86_400.0).drift, SETTINGS.watermark)
    reports = measure_drift(case.rows, case.model, limits).reports
    assert reports
    for report in reports:
        assert report.rows >= WINDOW
        assert report.from_ms is not None
        assert report.until_ms is not None
        assert report.until_ms - report.from_ms >= 2 * 86_400_000

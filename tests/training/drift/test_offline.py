"""The same rows through the worker's counting and through a file: the same numbers."""

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
from training.bundling.build_bundle import as_given
from training.data.messages import transactions
from training.drift.offline import look

#: Panes of a day: the live worker names so many of them and no more.
SETTINGS = Settings().replace(drift_window_rows=WINDOW, drift_pane_s=86_400)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A file whose risk moves half way."""
    return make_case(tmp_path_factory.mktemp("drift"))


def live(case: Case, model: FakeModel, limits: DriftLimits, seed: int) -> list[DriftReport]:
    """Score the rows as transaction messages in batches of any size on two workers; what they count is merged."""
    merger = CountsMerger(lambda _: model.manifest, limits, refuse)
    reports: list[DriftReport] = []
    for offset, message in enumerate(_counted(case, model, np.random.default_rng(seed))):
        reports += merger.add(offset, message)
    return reports


def refuse(message: DriftCounts, why: str) -> None:
    """Nothing is refused here."""
    raise AssertionError(f"{message.sequence}: {why}")


def _counted(case: Case, model: FakeModel, random: np.random.Generator) -> Iterator[DriftCounts]:
    scores = scorer(model)
    workers = [DriftCounter(SETTINGS.replace(kafka_slot=slot)) for slot in ("a", "b")]
    for worker in workers:
        worker.prepare(scores.roles)
    sent = [encode(transaction) for transaction in transactions(case.rows)]
    for start in range(0, len(sent), WINDOW):
        for batch in _batches(sent[start : start + WINDOW], random):
            observed = scores.score(raw_batch(batch), SCORING_TIME).observed
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
    """Everything but where the counts lay on the topic and when they were written."""
    places = ("first_offset", "next_offset", "settled_offset", "written_at_ms")
    return {name: value for name, value in msgspec.structs.asdict(report).items() if name not in places}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_live_worker_and_a_file_give_identical_numbers(case: Case, seed: int) -> None:
    """Every statistic, limit, state and count is equal; sums of scores may differ in a double's last digits."""
    limits = drift_limits(SETTINGS)
    offline, online = look(case.rows, case.model, limits).reports, live(case, case.model, limits, seed)
    assert len(offline) == len(online) == FILE // WINDOW
    sums = ("mean_score", "expected_precision", "expected_recall")
    for mine, theirs in zip(map(numbers, offline), map(numbers, online), strict=True):
        for name in sums:
            assert mine.pop(name) == pytest.approx(theirs.pop(name), rel=1e-12)
        assert mine == theirs


def test_what_moves_alarms_and_what_does_not_stays_silent(case: Case) -> None:
    """From the second moved window on; alerts too, for the score follows the risk."""
    reports = look(case.rows, case.model, drift_limits(SETTINGS)).reports
    moved = [report.features["risk"].state for report in reports]
    assert moved[:3] == ["ok"] * 3
    assert moved[-2:] == ["page"] * 2
    assert {report.features["channel"].state for report in reports} == {"ok"}
    assert reports[-1].alert_rate is not None
    assert reports[-1].alert_rate.state == "alarm"


def test_missing_values_are_counted_as_missing_though_the_model_sees_the_median(case: Case) -> None:
    """A tenth of the risks, a twentieth of the channels, as in the reference."""
    for report in look(case.rows, case.model, drift_limits(SETTINGS)).reports:
        assert 0.06 < report.features["risk"].missing < 0.14
        assert 0.02 < report.features["channel"].missing < 0.09


def test_rows_that_the_model_refuses_are_told_and_not_counted(tmp_path: Path) -> None:
    """They would be dead letters on the stream; the reference has none of them either."""
    case = make_case(tmp_path, "refuse")
    looked = look(case.rows, case.model, drift_limits(SETTINGS))
    complete = case.rows.frame.select("risk", "channel", "merchant").drop_nulls()
    assert (looked.rows, looked.refused) == (len(complete), FILE - len(complete))
    assert {report.features["risk"].missing for report in looked.reports} == {0.0}
    psi = looked.reports[0].features["risk"].psi
    assert psi is not None
    assert psi < 0.1


def test_a_training_part_of_which_every_row_is_refused_has_no_reference(tmp_path: Path) -> None:
    """Said in one line, not by an error of numpy's."""
    rows = make_case(tmp_path).rows
    gaps = dataclasses.replace(rows, frame=rows.frame.with_columns(risk=pl.lit(None, dtype=pl.Float64)))
    plan = FeaturePlan([Feature("risk", 0.0)], "refuse")
    with pytest.raises(DataError, match="every row of the training part has a missing value"):
        as_given(gaps, plan)


def test_rows_at_the_end_fill_no_window(case: Case) -> None:
    """They are told, not judged."""
    looked = look(case.rows, case.model, drift_limits(SETTINGS))
    assert [report.rows for report in looked.reports] == [WINDOW] * (FILE // WINDOW)
    assert looked.left == FILE % WINDOW


def test_fewer_rows_than_a_window(case: Case) -> None:
    """Nothing is judged."""
    few = look(case.rows.part(slice(0, WINDOW - 1)), case.model, drift_limits(SETTINGS))
    assert (few.reports, few.left) == ((), WINDOW - 1)


def test_windows_may_have_to_span_event_time_too(case: Case) -> None:
    """As on the stream they then end with the message that brings the watermark far enough."""
    limits = drift_limits(SETTINGS.replace(drift_window_s=2 * 86_400.0))
    reports = look(case.rows, case.model, limits).reports
    assert reports
    for report in reports:
        assert report.rows >= WINDOW
        assert report.from_ms is not None
        assert report.until_ms is not None
        assert report.until_ms - report.from_ms >= 2 * 86_400_000

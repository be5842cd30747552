"""The newest archived transactions are compared with the bundle's reference by the live monitor's rule."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from schemas.errors import ArchiveUnavailableError, DataError
from schemas.messages import DriftState
from stream.archive.files import ArchiveFiles
from stream.archive.layout import utc_day
from stream.archive.open_file import OpenFile
from stream.drift.alarm_rule import DriftLimits, drift_limits
from stream.models.bundle import LoadedModel
from stream.settings import Settings
from tests.support.traffic import transaction
from tests.training.validation.models import make_bundle, read
from training.drift.history import ALARMS
from training.drift.offline import measure_drift
from training.validation.check import CheckResult, Outcome
from training.validation.drift import ReferenceDrift, check_drift
from training.validation.newest import NewestTransactions
from training.validation.thresholds import DEFAULT

WINDOW = 500
START_MS = 1_378_000_000_000
LIMITS = DEFAULT.drift
MAX_BYTES = 65_536
Put = Callable[..., None]


@pytest.fixture
def live() -> DriftLimits:
    """Limits of the drift monitor with small windows."""
    settings = Settings().replace(drift_window_rows=WINDOW)
    return drift_limits(settings.drift, settings.watermark)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of an empty archive."""
    url = f"file://{tmp_path}/archive"
    ArchiveFiles(url).create()
    return url


@pytest.fixture
def put(url: str) -> Put:
    """Factory: archive transactions `first` to `last - 1`, with V1 shifted, in a partition."""

    def write(first: int, last: int, *, shift: float = 0.0, partition: int = 0, kind: str = "transactions") -> None:
        file = OpenFile(kind, partition, first, utc_day(START_MS))
        for number in range(first, last):
            fields = msgspec.json.decode(transaction(number))
            fields["features"]["V1"] += shift
            file.add(number, START_MS, b"card", msgspec.json.encode(fields))
        ArchiveFiles(url).put(kind, file.name, file.close())

    return write


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    """A model whose reference are transactions as `traffic.transaction` makes them."""
    return read(make_bundle(tmp_path / "referenced", reference=True))


def measured(model: LoadedModel, url: str, live: DriftLimits, rows: int = 4 * WINDOW) -> ReferenceDrift:
    """Measure the drift of the archive's newest transactions."""
    data, rejected = NewestTransactions(url, rows, MAX_BYTES).rows_for(model.manifest)
    return ReferenceDrift(model.manifest, measure_drift(data, model, live), rejected)


def check(model: LoadedModel, url: str, live: DriftLimits, champion: LoadedModel | None = None) -> CheckResult:
    """Check a model without a champion, or with one."""
    other = None if champion is None else measured(champion, url, live)
    return check_drift(measured(model, url, live), other, live, LIMITS)


def test_ordinary_transactions_pass(put: Put, model: LoadedModel, url: str, live: DriftLimits) -> None:
    """Transactions like the reference pass, with the numbers of each column in the table."""
    put(0, 2000)
    result = check(model, url, live)
    assert (result.outcome, result.figures["drifted"]) == ("passed", 0)
    assert result.table is not None
    assert {row[0] for row in result.table.rows} == {"V1", "V2", "V3", "Amount", "score"}


def test_a_reference_that_the_newest_transactions_left_fails(
    put: Put, model: LoadedModel, url: str, live: DriftLimits
) -> None:
    """V1 has moved since training: the reason names it, and older transactions do not hide it."""
    put(0, 4000)
    put(4000, 6000, shift=3.0)
    result = check(model, url, live)
    assert result.outcome == "failed"
    assert "drifted from the bundle's reference in V1 (PSI " in result.text
    assert "V2" not in result.text


def test_only_the_newest_window_counts(put: Put, model: LoadedModel, url: str, live: DriftLimits) -> None:
    """A disturbance that is over does not fail."""
    put(0, 1000, shift=3.0)
    put(1000, 2000)
    assert check(model, url, live).outcome == "passed"


def test_a_champion_that_drifted_as_well_excuses(
    put: Put, model: LoadedModel, url: str, live: DriftLimits, tmp_path: Path
) -> None:
    """The candidate is no worse than the champion, so the column is listed but does not fail, unless limits say so."""
    put(0, 2000, shift=3.0)
    champion = read(make_bundle(tmp_path / "other", reference=True, bias=-2.0))
    result = check(model, url, live, champion)
    assert result.outcome == "passed"
    assert "drifted, as far as from the champion's reference" in result.text
    candidate, other = (measured(each, url, live) for each in (model, champion))
    strict = replace(LIMITS, excuse_if_champion_drifted=False)
    assert check_drift(candidate, other, live, strict).outcome == "failed"


@pytest.mark.parametrize(
    ("candidates", "champions", "outcome"),
    [
        ("alarm", "alarm", "passed"),
        ("alarm", "page", "passed"),
        ("page", "page", "passed"),
        ("page", "alarm", "failed"),
        ("alarm", "high", "failed"),
        ("alarm", "unknown", "failed"),
    ],
)
def test_a_champion_that_drifted_less_does_not_excuse(
    put: Put, model: LoadedModel, url: str, live: DriftLimits,
    *, candidates: DriftState, champions: DriftState, outcome: Outcome,
) -> None:  # fmt: skip
    """Only a column that has drifted as far from the champion's reference is excused."""
    put(0, 2000, shift=3.0)
    both = measured(model, url, live)
    candidate, champion = (_in_state(both, state) for state in (candidates, champions))
    assert check_drift(candidate, champion, live, LIMITS).outcome == outcome


def _in_state(measured: ReferenceDrift, state: DriftState) -> ReferenceDrift:
    """Return the drift with every column that has an alarm in the newest window in another state."""
    *earlier, newest = measured.drift.reports
    features = {
        name: replace(column, state=state) if column.state in ALARMS else column
        for name, column in newest.features.items()
    }
    score = replace(newest.score, state=state) if newest.score.state in ALARMS else newest.score
    reports = (*earlier, replace(newest, features=features, score=score))
    return dataclasses.replace(measured, drift=dataclasses.replace(measured.drift, reports=reports))


def test_too_few_transactions_are_not_checked(put: Put, model: LoadedModel, url: str, live: DriftLimits) -> None:
    """Less than a window says nothing."""
    put(0, WINDOW - 1)
    result = check(model, url, live)
    assert result.outcome == "not checked"
    assert "499 transactions for this model, but a window needs 500" in result.text


def test_a_bundle_without_a_reference_is_not_checked(put: Put, model: LoadedModel, url: str, live: DriftLimits) -> None:
    """A bundle without natural movement can raise no alarm, which is not a pass."""
    put(0, 2000)
    bare = dataclasses.replace(model, manifest=replace(model.manifest, reference={}, score_reference=None))
    result = check(bare, url, live)
    assert (result.outcome, result.text) == (
        "not checked",
        "the bundle has no natural movement for windows of this size",
    )


def test_a_model_that_rejects_everything_is_an_error(put: Put, url: str, tmp_path: Path) -> None:
    """Transactions without the channel are rejected by a model that needs it; the check fails with this error."""
    put(0, 100)
    model = read(make_bundle(tmp_path / "plain"))
    with pytest.raises(DataError, match="rejects all 100 newest transactions of the archive"):
        NewestTransactions(url, 100, MAX_BYTES).rows_for(model.manifest)


def test_transactions_that_the_model_would_reject_fail(
    put: Put, model: LoadedModel, url: str, live: DriftLimits
) -> None:
    """A model that needs a feature that part of the traffic lacks would make dead letters of it."""
    put(0, 2000)
    file = OpenFile("transactions", 1, 0, utc_day(START_MS))
    for number in range(200):
        fields = msgspec.json.decode(transaction(number, transaction_id=f"old-{number}", event_time_ms=START_MS + 1999))
        del fields["features"]["V3"]
        file.add(number, START_MS, b"card", msgspec.json.encode(fields))
    ArchiveFiles(url).put("transactions", file.name, file.close())
    result = check(model, url, live)
    assert result.outcome == "failed"
    assert result.text == "the model would reject 10.0% of the newest transactions"
    assert check(model, url, live, model).outcome == "passed"


def test_the_newest_transactions_are_those_of_all_partitions_and_kinds(put: Put, model: LoadedModel, url: str) -> None:
    """Event time decides, across partitions and kinds, and a repeated transaction counts once."""
    put(0, 100)
    put(100, 150, partition=1)
    put(150, 200, kind="transactions-http")
    put(150, 200, partition=2)
    newest = NewestTransactions(url, 120, MAX_BYTES)
    data, rejected = newest.rows_for(model.manifest)
    assert (len(newest), len(data), rejected) == (120, 70, 0.0)
    assert data.event_time_ms.tolist() == [START_MS + n for n in range(130, 200)]


def test_a_missing_archive_is_an_error_of_its_own(tmp_path: Path) -> None:
    """Without an archive, the error is the one that makes the check `not checked`."""
    with pytest.raises(ArchiveUnavailableError, match="there is no archive at "):
        NewestTransactions(f"file://{tmp_path}/none", 10, MAX_BYTES)


def test_undecodable_messages_are_left_out(model: LoadedModel, put: Put, url: str) -> None:
    """Messages without an event time are never new."""
    put(0, 10)
    file = OpenFile("transactions", 1, 0, utc_day(START_MS))
    file.add(0, START_MS, b"card", b"not JSON")
    ArchiveFiles(url).put("transactions", file.name, file.close())
    data, rejected = NewestTransactions(url, 100, MAX_BYTES).rows_for(model.manifest)
    assert (len(data), rejected) == (10, 0.0)
    assert np.isfinite(data.raw_features(model.plan)).all()

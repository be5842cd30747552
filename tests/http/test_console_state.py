"""The console's state: what a page that opens now receives, and which changes are sent to open pages."""

import pytest

from schemas.messages import AlertRate, ColumnDrift, DriftReport, Label, encode
from stream.http.console.console_state import LABELS, ConsoleState
from stream.runtime.readiness import Problem
from stream.settings import Settings

TOPICS = Settings().topic


@pytest.fixture
def state() -> ConsoleState:
    """A state without messages."""
    return ConsoleState(TOPICS)


def test_a_change_of_problems_is_one_event(state: ConsoleState) -> None:
    """Problems are sent when they appear and when they are gone, and not in between; each has a sentence to show."""
    assert state.set_problems([]) is None
    event = state.set_problems([Problem.NO_CHAMPION])
    assert event is not None
    assert event.name == "status"
    assert event.data["problems"] == [{"name": "no_champion", "sentence": Problem.NO_CHAMPION.sentence}]
    assert state.set_problems([Problem.NO_CHAMPION]) is None
    gone = state.set_problems([])
    assert gone is not None
    assert gone.data == {"problems": []}


def test_a_snapshot_has_the_time_and_the_problems(state: ConsoleState) -> None:
    """A page that opens during an outage shows it, and places counts on the server's clock rather than its own."""
    state.set_problems([Problem.BROKER_UNAVAILABLE])
    snapshot = state.snapshot(1_700_000_000_000).data
    assert snapshot["now_ms"] == 1_700_000_000_000
    assert [each["name"] for each in snapshot["status"]["problems"]] == ["broker_unavailable"]
    assert snapshot["alerts"] == snapshot["traffic"] == snapshot["roles"] == []


@pytest.mark.parametrize("value", [None, b"", b"{", b'{"fraud": 1}'])
def test_invalid_messages_are_ignored(state: ConsoleState, value: bytes | None) -> None:
    """A message that no reader can use is None, and changes nothing."""
    assert state.decode(TOPICS.labels, value) is None


def test_the_number_of_labels_kept_is_bounded(state: ConsoleState) -> None:
    """Labels whose alerts may still come are kept, the newest ones only."""
    for number in range(LABELS + 5):
        label = Label(f"l{number}", f"t{number}", "analyst", fraud=True, event_time_ms=0)
        state.add(TOPICS.labels, state.decode(TOPICS.labels, encode(label)))
    assert len(state._labels) == LABELS
    assert "t0" not in state._labels


def test_a_drift_report_shows_each_column_with_its_limit(state: ConsoleState) -> None:
    """Features and the score are columns alike; a page that opens later receives the same."""
    drifted, ok = (
        ColumnDrift(1.2, 0.6, 0.01, 0.0, 0.1, 0.1, "page", 3),
        ColumnDrift(0.0, 0.0, 1.0, 0.0, 0.2, 0.1, "ok", 0),
    )
    report = DriftReport(
        name="fraud",
        version="7",
        bundle_sha256="a" * 64,
        decides=True,
        number=1,
        first_offset=0,
        next_offset=10,
        settled_offset=10,
        from_ms=0,
        until_ms=1,
        rows=10,
        ahead=0,
        complete=True,
        features={"V1": drifted},
        score=ok,
        alert_rate=AlertRate(0.0015, 0.0016, 0.6, "ok", (10,), (0,)),
        mean_score=0.002,
        expected_precision=None,
        expected_recall=None,
        false_alarm_rate=None,
        counts={},
        score_counts=(),
        reviews=0,
        declines=0,
        written_at_ms=5,
    )
    event = state.add(TOPICS.drift_reports, state.decode(TOPICS.drift_reports, encode(report)))
    columns = {"V1": [1.2, 0.1, "page"], "score": [0.0, 0.2, "ok"]}
    assert event.name == "drift"
    assert event.data == {"model": "fraud 7", "decides": True, "at_ms": 5, "columns": columns}
    assert state.snapshot(0).data["drift"] == [event.data]

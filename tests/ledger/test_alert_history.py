"""Alerts of Prometheus's rules: each kept once, whatever order Alertmanager's messages come in."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from schemas.errors import LedgerUnavailableError, RefusedMessageError
from stream.ledger.alert_history import recent_alerts, record_alerts
from stream.ledger.alert_webhook import AlertRecorder
from stream.ledger.database import open_engine, reading, writing
from stream.ledger.metrics import ALERT_NAMES, LedgerMetrics
from stream.ledger.retention import delete_chunk
from stream.ledger.tables import alert_history
from stream.ledger.upsert import Row
from stream.runtime.ports import free_port
from tests.support.ledger_batch import ManualClock
from tests.support.records import BASE_MS
from tests.support.webhook import alert, message, rows

NOON_MS = BASE_MS + 12 * 3_600_000 + 123
#: Few of everything, so that messages about one alert, and equal ones, are common.
MESSAGES = st.lists(
    st.builds(
        lambda number, start_s, end_s, words: alert(
            number, start_s=start_s, end_s=end_s, annotations={"summary": words}
        ),
        st.integers(1, 2),
        st.integers(0, 1),
        st.sampled_from([None, 5, 6]),
        st.sampled_from(["0.1 % of labels", "é", "😀"]),
    ),
    max_size=8,
)


def record(engine: Engine, *found: Row, now_ms: int = BASE_MS) -> list[tuple[str, str]]:
    """Record rows; return name and status of those that were news."""
    with writing(engine) as connection:
        return [(row["alertname"], row["status"]) for row in record_alerts(connection, found, now_ms)]


def kept(engine: Engine) -> list[Row]:
    """Return every row."""
    with reading(engine) as connection:
        return recent_alerts(connection, 1000)


# The database is the same for every example, and each begins by emptying it.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MESSAGES, st.randoms(), st.integers(1, 3))
def test_messages_commute(engine: Engine, alerts: list[dict[str, object]], drawn: object, cut: int) -> None:
    """Whatever their order, however often they come and however they are bundled, the same rows are there."""
    found = rows(*alerts)
    others = found + found[::2]
    drawn.shuffle(others)  # type: ignore[attr-defined]  # hypothesis's randoms are a random.Random
    ended = []
    for lot, size in ((found, 1), (others, cut)):
        with writing(engine) as connection:
            connection.execute(delete(alert_history))
            for at in range(0, len(lot), size):
                record_alerts(connection, lot[at : at + size], BASE_MS)
            ended.append(recent_alerts(connection, 1000))
    assert ended[0] == ended[1]
    assert len(ended[0]) == len({(row["fingerprint"], row["starts_at_ms"]) for row in found})


def test_an_alert_fires_and_is_resolved(engine: Engine) -> None:
    """One row, with every column; ingest time is that of its first message."""
    assert record(engine, *rows(alert(start_s=60))) == [("Rule1", "firing")]
    expected = {
        "fingerprint": "0000000000000001",
        "starts_at_ms": NOON_MS + 60_000,
        "alertname": "Rule1",
        "status": "firing",
        "ends_at_ms": None,
        "labels": '{"alertname":"Rule1","severity":"page"}',
        "annotations": '{"summary":"something is wrong"}',
        "ingested_at_ms": BASE_MS,
    }
    assert kept(engine) == [expected]
    assert record(engine, *rows(alert(start_s=60, end_s=90)), now_ms=BASE_MS + 1) == [("Rule1", "resolved")]
    assert kept(engine) == [expected | {"status": "resolved", "ends_at_ms": NOON_MS + 90_000}]


def test_late_and_repeated_messages_are_no_news(engine: Engine) -> None:
    """A firing one after the resolved one changes nothing; a later end does, since it was resolved too early then."""
    assert record(engine, *rows(alert(end_s=90))) == [("Rule1", "resolved")]
    before = kept(engine)
    assert record(engine, *rows(alert(), alert(end_s=90), alert(end_s=80))) == []
    assert kept(engine) == before
    assert record(engine, *rows(alert(end_s=120))) == []
    assert [row["ends_at_ms"] for row in kept(engine)] == [NOON_MS + 120_000]


def test_an_alert_that_begins_anew_is_another_row(engine: Engine) -> None:
    """The newest that was heard of stands first, and a reader takes as many as it asks for."""
    record(engine, *rows(alert(end_s=30)))
    record(engine, *rows(alert(start_s=60), alert(2)), now_ms=BASE_MS + 1)
    assert [(row["alertname"], row["status"]) for row in kept(engine)] == [
        ("Rule1", "firing"),
        ("Rule2", "firing"),
        ("Rule1", "resolved"),
    ]
    with reading(engine) as connection:
        assert recent_alerts(connection, 1) == kept(engine)[:1]


def test_alerts_go_by_their_age(engine: Engine) -> None:
    """As everything in the ledger, by ingest time, some at a time."""
    for number in range(5):
        record(engine, *rows(alert(number)), now_ms=BASE_MS + number)
    assert [delete_chunk(engine, BASE_MS + 4, chunk=3)["alert_history"] for _ in range(3)] == [3, 1, 0]
    assert [row["alertname"] for row in kept(engine)] == ["Rule4"]


def test_a_message_is_recorded_whole_and_counted(engine: Engine) -> None:
    """Also what was told before is recorded; what it says besides is not looked at, and an alert needs no name."""
    metrics = LedgerMetrics()
    desk = AlertRecorder(engine, ManualClock(), metrics)
    assert desk.record(message(alert(1), alert(2, end_s=9), alert(3, labels={}))) == 3
    assert desk.record(message(alert(1, end_s=9), alert(2, end_s=9))) == 2
    assert desk.record(message()) == 0
    counted = {("Rule1", "firing"), ("Rule1", "resolved"), ("Rule2", "resolved"), ("", "firing")}
    for alertname, status in counted:
        labels = {"alertname": alertname, "status": status}
        assert metrics.registry.get_sample_value("alert_history_total", labels) == 1
    assert len(kept(engine)) == 3


def test_made_up_names_do_not_fill_the_metrics() -> None:
    """So many names are counted under their own; the others, and long ones, together."""
    metrics = LedgerMetrics()
    metrics.count_alert("x" * 1000, "firing")
    for number in range(ALERT_NAMES + 10):
        metrics.count_alert(f"Rule{number}", "firing")
    metrics.count_alert("Rule0", "firing")

    def count(alertname: str) -> float | None:
        return metrics.registry.get_sample_value("alert_history_total", {"alertname": alertname, "status": "firing"})

    assert (count("Rule0"), count(f"Rule{ALERT_NAMES - 1}"), count(f"Rule{ALERT_NAMES}")) == (2, 1, None)
    assert count("other") == 11


SECRET = "hunter2"  # noqa: S105 - what no error may repeat


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", "the message has no value"),
        (b"hunter2", "JSON is malformed"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `version`"),
        (message(version=SECRET), "not known at `$.version`"),
        (message(alerts=SECRET), "`$.alerts`"),
        (message(alert(status=SECRET)), "not known at `$.alerts[0].status`"),
        (message(alert(startsAt=SECRET)), "`$.alerts[0].startsAt`"),
        (message(alert(startsAt="2026-11-01T12:00:00")), "timezone"),
        (message(alert(startsAt="1969-01-01T00:00:00Z")), "startsAt is before 1970"),
        (message(alert(status="resolved")), "a resolved alert has an endsAt"),
        (message(alert(fingerprint=SECRET)), "`$.alerts[0].fingerprint`"),
        (message(alert(fingerprint="0" * 65)), "length <= 64"),
        (message(alert(labels={SECRET: 7})), "`$.alerts[0].labels[...]`"),
        (message(alert(labels={"alertname": "a\0b"})), "a NUL character"),
    ],
)
def test_what_is_no_message_says_so_in_one_line(tmp_path: Path, body: bytes, line: str) -> None:
    """Where it is wrong and what is taken there, and nothing that stands in it."""
    desk = AlertRecorder(open_engine(f"sqlite:///{tmp_path}/never-opened.db"), ManualClock(), LedgerMetrics())
    with pytest.raises(RefusedMessageError) as refused:
        desk.record(body)
    assert line in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_database_that_is_away_counts_nothing() -> None:
    """The sender is told, and sends again."""
    metrics = LedgerMetrics()
    engine = open_engine(f"postgresql+psycopg://u@127.0.0.1:{free_port()}/d")
    with pytest.raises(LedgerUnavailableError):
        AlertRecorder(engine, ManualClock(), metrics).record(message(alert()))
    assert "alert_history_total" not in msgspec.json.encode([f.samples for f in metrics.registry.collect()]).decode()

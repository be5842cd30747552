"""Each Prometheus alert is stored once, in whatever order Alertmanager's messages arrive."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, select

from schemas.errors import LedgerUnavailableError, RefusedMessageError
from stream.ledger.alert_history import record_alerts
from stream.ledger.alert_webhook import AlertRecorder
from stream.ledger.database import opened_engine, reading, writing
from stream.ledger.metrics import ALERT_NAMES, LedgerMetrics
from stream.ledger.retention import delete_chunk
from stream.ledger.tables import alert_history
from stream.ledger.upsert import Row
from stream.runtime.ports import free_port
from tests.support.ledger_batch import ManualClock
from tests.support.records import BASE_MS
from tests.support.webhook import alert, message, rows

NOON_MS = BASE_MS + 12 * 3_600_000 + 123
#: Few values of everything, so that equal messages and messages about the same alert are common.
MESSAGES = st.lists(
    st.builds(
        lambda number, start_s, end_s, summary: alert(
            number, start_s=start_s, end_s=end_s, annotations={"summary": summary}
        ),
        st.integers(1, 2),
        st.integers(0, 1),
        st.sampled_from([None, 5, 6]),
        st.sampled_from(["0.1 % of labels", "é", "😀"]),
    ),
    max_size=8,
)


def record(engine: Engine, *alerts: Row, now_ms: int = BASE_MS) -> list[tuple[str, str]]:
    """Record alerts; return the name and status of each new or newly resolved alert."""
    with writing(engine) as connection:
        return [(row["alertname"], row["status"]) for row in record_alerts(connection, alerts, now_ms)]


def newest_first(connection: Connection) -> list[Row]:
    """Return the table's rows, most recently ingested first."""
    c = alert_history.c
    newest = select(alert_history).order_by(c.ingested_at_ms.desc(), c.starts_at_ms.desc(), c.fingerprint)
    return [dict(row) for row in connection.execute(newest).mappings()]


def stored(engine: Engine) -> list[Row]:
    """Return the committed rows, as `newest_first` does."""
    with reading(engine) as connection:
        return newest_first(connection)


# All examples share the database, and each starts by emptying it.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MESSAGES, st.randoms(), st.integers(1, 3))
def test_messages_commute(engine: Engine, alerts: list[dict[str, object]], shuffler: object, cut: int) -> None:
    """The stored alerts are the same for any order, repetition and grouping of messages."""
    in_order = rows(*alerts)
    repeated = in_order + in_order[::2]
    shuffler.shuffle(repeated)  # type: ignore[attr-defined]  # hypothesis's randoms are a random.Random
    tables = []
    for messages, size in ((in_order, 1), (repeated, cut)):
        with writing(engine) as connection:
            connection.execute(delete(alert_history))
            for start in range(0, len(messages), size):
                record_alerts(connection, messages[start : start + size], BASE_MS)
            tables.append(newest_first(connection))
    assert tables[0] == tables[1]
    assert len(tables[0]) == len({(row["fingerprint"], row["starts_at_ms"]) for row in in_order})


def test_an_alert_fires_and_is_resolved(engine: Engine) -> None:
    """An alert that fires and is resolved has one complete row, with the ingest time of its first message."""
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
    assert stored(engine) == [expected]
    assert record(engine, *rows(alert(start_s=60, end_s=90)), now_ms=BASE_MS + 1) == [("Rule1", "resolved")]
    assert stored(engine) == [expected | {"status": "resolved", "ends_at_ms": NOON_MS + 90_000}]


def test_late_and_repeated_messages_are_not_news(engine: Engine) -> None:
    """A firing message after the resolved message changes nothing; a later end time replaces an earlier one."""
    assert record(engine, *rows(alert(end_s=90))) == [("Rule1", "resolved")]
    before = stored(engine)
    assert record(engine, *rows(alert(), alert(end_s=90), alert(end_s=80))) == []
    assert stored(engine) == before
    assert record(engine, *rows(alert(end_s=120))) == []
    assert [row["ends_at_ms"] for row in stored(engine)] == [NOON_MS + 120_000]


def test_an_alert_that_fires_again_has_another_row(engine: Engine) -> None:
    """An alert that fires again has another row; ordered by ingest time, the newest alerts come first."""
    record(engine, *rows(alert(end_s=30)))
    record(engine, *rows(alert(start_s=60), alert(2)), now_ms=BASE_MS + 1)
    assert [(row["alertname"], row["status"]) for row in stored(engine)] == [
        ("Rule1", "firing"),
        ("Rule2", "firing"),
        ("Rule1", "resolved"),
    ]
    assert [row["ingested_at_ms"] for row in stored(engine)] == [BASE_MS + 1, BASE_MS + 1, BASE_MS]


def test_old_alerts_are_deleted(engine: Engine) -> None:
    """Old alerts are deleted like all rows in the ledger, by ingest time and in chunks."""
    for number in range(5):
        record(engine, *rows(alert(number)), now_ms=BASE_MS + number)
    assert [delete_chunk(engine, BASE_MS + 4, chunk=3)["alert_history"] for _ in range(3)] == [3, 1, 0]
    assert [row["alertname"] for row in stored(engine)] == ["Rule4"]


def test_a_message_is_recorded_and_counted(engine: Engine) -> None:
    """The reply counts repeated alerts too; unknown fields are ignored, and an alert needs no name."""
    metrics = LedgerMetrics()
    recorder = AlertRecorder(engine, ManualClock(), metrics)
    assert recorder.record(message(alert(1), alert(2, end_s=9), alert(3, labels={}))) == 3
    assert recorder.record(message(alert(1, end_s=9), alert(2, end_s=9))) == 2
    assert recorder.record(message()) == 0
    counted = {("Rule1", "firing"), ("Rule1", "resolved"), ("Rule2", "resolved"), ("", "firing")}
    for alertname, status in counted:
        labels = {"alertname": alertname, "status": status}
        assert metrics.registry.get_sample_value("alert_history_total", labels) == 1
    assert len(stored(engine)) == 3


def test_invented_names_do_not_fill_the_metrics() -> None:
    """The first `ALERT_NAMES` names are counted separately; further names and very long ones are counted together."""
    metrics = LedgerMetrics()
    metrics.count_alert("x" * 1000, "firing")
    for number in range(ALERT_NAMES + 10):
        metrics.count_alert(f"Rule{number}", "firing")
    metrics.count_alert("Rule0", "firing")

    def count(alertname: str) -> float | None:
        return metrics.registry.get_sample_value("alert_history_total", {"alertname": alertname, "status": "firing"})

    assert (count("Rule0"), count(f"Rule{ALERT_NAMES - 1}"), count(f"Rule{ALERT_NAMES}")) == (2, 1, None)
    assert count("other") == 11


SECRET = "hunter2"  # noqa: S105 - a value that no error may repeat


@pytest.mark.parametrize(
    ("body", "message_part"),
    [
        (b"", "the message has no value"),
        (b"hunter2", "JSON is malformed"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `version`"),
        (message(version=SECRET), "version has an unknown value"),
        (message(alerts=SECRET), "`$.alerts`"),
        (message(alert(status=SECRET)), "alerts[0].status has an unknown value"),
        (message(alert(startsAt=SECRET)), "`$.alerts[0].startsAt`"),
        (message(alert(startsAt="2026-11-01T12:00:00")), "timezone"),
        (message(alert(startsAt="1969-01-01T00:00:00Z")), "startsAt is before 1970"),
        (message(alert(status="resolved")), "a resolved alert needs an endsAt"),
        (message(alert(fingerprint=SECRET)), "`$.alerts[0].fingerprint`"),
        (message(alert(fingerprint="0" * 65)), "length <= 64"),
        (message(alert(labels={SECRET: 7})), "`$.alerts[0].labels[...]`"),
        (message(alert(labels={"alertname": "a\0b"})), "a NUL character"),
    ],
)
def test_an_invalid_message_is_refused_in_one_line(tmp_path: Path, body: bytes, message_part: str) -> None:
    """An invalid message causes a one-line error that names the field and the rule, and does not quote the message."""
    with (
        opened_engine(f"sqlite:///{tmp_path}/never-opened.db") as engine,
        pytest.raises(RefusedMessageError) as refused,
    ):
        AlertRecorder(engine, ManualClock(), LedgerMetrics()).record(body)
    assert message_part in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_counted_while_the_database_is_unavailable() -> None:
    """While the database is unavailable, nothing is counted; the sender gets an error and sends the message again."""
    metrics = LedgerMetrics()
    url = f"postgresql+psycopg://u@127.0.0.1:{free_port()}/d"
    with opened_engine(url) as engine, pytest.raises(LedgerUnavailableError):
        AlertRecorder(engine, ManualClock(), metrics).record(message(alert()))
    assert "alert_history_total" not in msgspec.json.encode([f.samples for f in metrics.registry.collect()]).decode()

"""The ledger as a process on a real Kafka: the rows it writes, the messages it rejects, and how it ends."""

import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, encode
from stream.ledger.tables import offsets
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.exits import assert_exits
from tests.support.ledger_process import LedgerProcess
from tests.support.ledger_reconciliation import reconcile_ledger
from tests.support.ledger_traffic import change, send_history
from tests.support.records import decision, label, shadow
from tests.support.topics import produce_all, read_all
from tests.support.until import until

StartLedger = Callable[[Settings], LedgerProcess]
LedgerSettings = Callable[..., Settings]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_message_is_in_one_row_whatever_the_order(
    ledger_settings: LedgerSettings, start_ledger: StartLedger, database: str, seed: int
) -> None:
    """The tables equal the topics even if labels come before their decisions and repeats before originals."""
    settings = ledger_settings(database)
    send_history(settings, 3_000, seed=seed)
    ledger = start_ledger(settings)
    ledger.wait_rows(decisions=3_000, shadow_scores=3_000, labels=300, role_changes=3)
    ledger.wait_ready()
    until(lambda: ledger.metrics()['consumer_lag_messages{kind="decisions"}'] == 0)
    metrics = ledger.metrics()
    assert metrics['ledger_rows_total{kind="decisions"}'] == 3_000
    assert metrics['ledger_repeated_total{kind="decisions"}'] == 60
    assert metrics['ledger_repeated_total{kind="labels"}'] == 60
    assert metrics["ledger_database_up"] == 1
    assert ledger.stop() == 0
    assert reconcile_ledger(settings) == {"decisions": 3_000, "shadow_scores": 3_000, "labels": 300, "role_changes": 3}


def test_an_invalid_message_becomes_a_dead_letter(ledger_settings: LedgerSettings, start_ledger: StartLedger) -> None:
    """On every topic, a dead letter has the reason, origin and original bytes; other messages are written."""
    settings = ledger_settings()
    bad = [
        (None, DeadLetterReason.EMPTY),
        (b"not json", DeadLetterReason.NOT_JSON),
        (b"\xff\xfe", DeadLetterReason.NOT_UTF8),
        (b"{}", DeadLetterReason.MISSING_FIELD),
        (b"[]", DeadLetterReason.WRONG_TYPE),
    ]
    invalid = {
        settings.topic.decisions: [
            (encode(decision(1, schema_version=9)), DeadLetterReason.SCHEMA_VERSION),
            (encode(decision(1, verdict="perhaps")), DeadLetterReason.WRONG_TYPE),
            (encode(decision(1, transaction_id="a\0b")), DeadLetterReason.OUT_OF_RANGE),
            (encode(decision(1, source_offset=2**63)), DeadLetterReason.OUT_OF_RANGE),
        ],
        settings.topic.shadow_scores: [(encode(shadow(1, score="high")), DeadLetterReason.WRONG_TYPE)],
        settings.topic.labels: [(encode(label(1, label_id="")), DeadLetterReason.OUT_OF_RANGE)],
        settings.topic.model_updates: [],
    }
    valid = {
        settings.topic.decisions: [encode(decision(n)) for n in range(4)],
        settings.topic.shadow_scores: [encode(shadow(n)) for n in range(4)],
        settings.topic.labels: [encode(label(n)) for n in range(4)],
        settings.topic.model_updates: [encode(change(n)) for n in range(1, 5)],
    }
    for topic, reasons in invalid.items():
        values = [*valid[topic][:2], *(value for value, _ in bad + reasons), *valid[topic][2:]]
        produce_all(settings.kafka.bootstrap, topic, [(b"k", value) for value in values], partition=0)
    ledger = start_ledger(settings)
    ledger.wait_rows(decisions=4, shadow_scores=4, labels=4, role_changes=4)
    metrics = ledger.metrics()
    assert ledger.stop() == 0
    decoder = msgspec.json.Decoder(DeadLetter)
    dead_letters = [
        decoder.decode(m.value() or b"") for m in read_all(settings.kafka.bootstrap, settings.topic.dead_letters)
    ]
    for topic, reasons in invalid.items():
        refused = sorted(
            (each for each in dead_letters if each.source_topic == topic), key=lambda each: each.source_offset
        )
        assert [(each.value, each.reason) for each in refused] == [*bad, *reasons]
        assert [each.source_offset for each in refused] == list(range(2, 2 + len(refused)))
        assert all("perhaps" not in each.detail for each in refused)
    assert metrics['dead_letters_total{reason="not_json"}'] == 4
    assert reconcile_ledger(settings)["decisions"] == 4


def test_a_restart_reads_on_from_the_offsets_in_the_database(
    ledger_settings: LedgerSettings, start_ledger: StartLedger
) -> None:
    """A restart resumes reading at the offsets in the database, even in a new group without offsets in Kafka."""
    settings = ledger_settings()
    send_history(settings, 200)
    ledger = start_ledger(settings)
    ledger.wait_rows(decisions=200)
    assert ledger.stop() == 0
    other = settings.replace(ledger_group=f"{settings.kafka.group}-other")
    send_history(settings, 300)
    again = start_ledger(other.replace(kafka_slot="again", ledger_web_port=free_port()))
    again.wait_rows(decisions=300, shadow_scores=300, labels=30)
    until(lambda: again.query("SELECT max(repeats) FROM decisions") == [(3,)])
    until(lambda: again.problems() == [] and again.lag() == 0)
    assert again.stop() == 0
    assert reconcile_ledger(settings)["decisions"] == 300


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"ledger_url": "mysql://u:secret@h/d"}, "use sqlite:/// or postgresql+psycopg://"),
        ({"ledger_url": "sqlite:////proc/nowhere/l.db"}, "cannot create"),
        ({"ledger_url": "postgresql+psycopg://u:secret@127.0.0.1:1/d"}, "start it or set FRAUD_LEDGER_URL"),
    ],
)
def test_an_unusable_database_is_one_error(
    ledger_settings: LedgerSettings, tmp_path: Path, overrides: dict[str, str], message: str
) -> None:
    """An unusable database causes a one-line error that names the setting to change and contains no password."""
    settings = ledger_settings().replace(**overrides)
    with LedgerProcess(settings, tmp_path) as ledger:
        last = assert_exits(ledger, 20)
        log = ledger.last_lines()
    assert message in last
    assert "secret" not in log


def test_a_port_in_use_is_one_error(ledger_settings: LedgerSettings, start_ledger: StartLedger) -> None:
    """A port in use causes a one-line error that names the ledger's own port setting."""
    settings = ledger_settings()
    with socket.create_server(("127.0.0.1", settings.ledger.web_port)):
        last = assert_exits(start_ledger(settings), 20)
    assert last.endswith("set FRAUD_LEDGER_WEB_PORT to another port")


def test_a_recreated_topic_ends_the_ledger(ledger_settings: LedgerSettings, start_ledger: StartLedger) -> None:
    """The ledger ends, because offsets start again at 0 and new messages would look like repeats of old rows."""
    settings = ledger_settings()
    send_history(settings, 20)
    ledger = start_ledger(settings)
    ledger.wait_rows(decisions=20)
    assert ledger.stop() == 0
    with ledger.engine.begin() as connection:
        connection.execute(update(offsets).where(offsets.c.topic == settings.topic.decisions).values(next_offset=1_000))
    ledger.start()
    last = assert_exits(ledger, 30)
    assert "the topic was recreated" in last
    assert "start a new ledger" in last

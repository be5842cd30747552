"""A ledger process on a real Kafka: its replies to Alertmanager, and its metrics of model quality."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

import msgspec
from sqlalchemy import text

from schemas.messages import encode
from stream.ledger.alert_webhook import BODY_MAX
from stream.ledger.database import writing
from stream.ledger.gate_runner import DAY_MS
from stream.settings import Settings
from tests.support.ledger_process import LedgerProcess
from tests.support.records import CHAMPION, decision, label
from tests.support.topics import produce_all
from tests.support.until import until
from tests.support.webhook import alert, message

JSON = {"Content-Type": "application/json"}


def post(ledger: LedgerProcess, body: bytes, headers: dict[str, str] = JSON) -> tuple[int, dict[str, object]]:
    """Send a message; return the status and the JSON of the reply."""
    url = f"http://127.0.0.1:{ledger.web_port}/alerts"
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310 - a URL on this machine
            return reply.status, msgspec.json.decode(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, msgspec.json.decode(error.read())


def send_matured_fraud(settings: Settings) -> None:
    """Send a fraud approved fifty days ago, its chargeback, and one current decision on every partition."""
    now_ms = time.time_ns() // 1_000_000
    old = decision(1, event_time_ms=now_ms - 50 * DAY_MS)
    produce_all(settings.kafka.bootstrap, settings.topic.decisions, [(b"k", encode(old))], partition=0)
    chargeback = label(1, event_time_ms=now_ms - 20 * DAY_MS)
    produce_all(settings.kafka.bootstrap, settings.topic.labels, [(b"k", encode(chargeback))], partition=0)
    for partition in range(settings.topic.partitions):
        new = decision(10 + partition, event_time_ms=now_ms)
        produce_all(settings.kafka.bootstrap, settings.topic.decisions, [(b"k", encode(new))], partition=partition)


def rename(ledger: LedgerProcess, before: str, after: str) -> None:
    """Rename a table, so that the database rejects statements at once; an outage would take seconds to detect."""
    with writing(ledger.engine) as connection:
        connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))


def test_alerts_are_recorded_and_quality_is_exported(
    ledger_settings: Callable[..., Settings], start_ledger: Callable[[Settings], LedgerProcess]
) -> None:
    """Alerts are recorded and quality is exported; an error's status tells Alertmanager whether to send again."""
    settings = ledger_settings(gate_interval_s=0.2)
    send_matured_fraud(settings)
    ledger = start_ledger(settings)
    ledger.wait_ready()
    assert post(ledger, message(alert(1), alert(2, end_s=60))) == (200, {"recorded": 2})
    assert post(ledger, message(alert(1))) == (200, {"recorded": 1})
    status, reply = post(ledger, message(alert(status="perhaps")))
    assert (status, "alerts[0].status" in str(reply["error"])) == (400, True)
    full = message().ljust(BODY_MAX)
    assert post(ledger, full) == (200, {"recorded": 0})
    too_large = {"error": "the body exceeds 1048576 bytes; send fewer alerts at once"}
    assert post(ledger, full + b" ") == (413, too_large)
    chunked = iter([full, b" "])
    assert post(ledger, chunked, JSON | {"Transfer-Encoding": "chunked"}) == (413, too_large)  # type: ignore[arg-type]
    assert post(ledger, message(), {"Content-Type": "text/plain"})[0] == 415
    rename(ledger, "alert_history", "elsewhere")
    assert post(ledger, message(alert(3)))[0] == 503
    rename(ledger, "elsewhere", "alert_history")
    assert post(ledger, message(alert(3))) == (200, {"recorded": 1})
    rows = ledger.query("SELECT alertname, status FROM alert_history ORDER BY 1")
    assert rows == [("Rule1", "firing"), ("Rule2", "resolved"), ("Rule3", "firing")]
    model = f'{{bundle_sha256="{CHAMPION}",policy="p1",role="champion",version="1"}}'
    # The decisions may be read, and the metrics computed, before the label of the fraud is read.
    until(lambda: ledger.metrics()[f"model_false_negative_rate{model}"] == 1)
    metrics = ledger.metrics()
    assert metrics[f"model_labels_waiting{model}"] == settings.topic.partitions
    assert f"model_precision{model}" not in metrics
    assert metrics['alert_history_total{alertname="Rule1",status="firing"}'] == 1
    assert metrics['alert_history_total{alertname="Rule2",status="resolved"}'] == 1
    assert ledger.is_ready()
    assert ledger.stop() == 0

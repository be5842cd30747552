"""The ledger's timers survive what they run: a failed evaluation is logged, and the next one starts afresh."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine

from schemas.errors import LedgerError, LedgerUnavailableError
from stream.evaluation.gate import evaluate_gate
from stream.ledger import database
from stream.ledger.database import opened_engine, writing
from stream.ledger.gate_runner import DAY_MS, GateStatus
from stream.ledger.history import ModelIdentity
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.migrate import migrate
from stream.ledger.quality_monitor import QualityMonitor
from stream.ledger.service import add_gate_runner, add_quality_monitor, add_retention
from stream.runtime.outage import Outage
from tests.evaluation.sample_evidence import HEALTHY, PLAN, evidence
from tests.support.ledger_batch import LedgerWriter
from tests.support.ledger_history import SETTINGS
from tests.support.records import decision

Timer = Callable[[], Awaitable[None]]


class FakeApp:
    """Stands in for a Faust app, and keeps the functions of its timers so that a test can run them."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def timer(self, _: float, *, on_leader: bool) -> Callable[[Timer], Timer]:
        """Keep the function of a timer."""
        assert not on_leader, "a ledger is never Faust's leader"
        return lambda function: self.timers.append(function) or function  # type: ignore[func-returns-value]

    def run(self) -> None:
        """Run each timer once."""

        async def run() -> None:
            for each in self.timers:
                await each()

        asyncio.run(run())


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty SQLite ledger, which does not wait for a locked file."""
    monkeypatch.setattr(database, "BUSY_S", 0.01)
    with opened_engine(f"sqlite:///{tmp_path}/ledger.db") as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """The thread on which timers run their work."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_the_state_of_the_gate_is_exported(thread: ThreadPoolExecutor) -> None:
    """The evidence and the verdict on each challenger are metrics, and those of a challenger that has left are not."""
    judgement = evaluate_gate(PLAN, [evidence(number) for number in range(5)], HEALTHY)
    champion, challenger, waiting = (ModelIdentity(each * 64, "p") for each in "abc")
    runner = Mock()
    runner.evaluate.side_effect = [
        [GateStatus(champion, challenger, 1, judgement), GateStatus(champion, waiting, None, None, "it waits")],
        [],
    ]
    app, metrics = FakeApp(), LedgerMetrics()
    parts: dict[str, Any] = {"app": app, "gate_runner": runner, "metrics": metrics, "evaluating": thread}
    add_gate_runner(interval_s=1.0, outage=Outage("the ledger database"), **parts)
    app.run()
    model = {"challenger": challenger.bundle_sha256, "policy": "p"}
    assert gate_metrics(metrics) == [
        ("gate_frauds", model, judgement.frauds),
        ("gate_log_capital", model | {"measure": "cost"}, judgement.cost.log_capital),
        ("gate_log_capital", model | {"measure": "recall"}, judgement.recall.log_capital),
        ("gate_verdict", model | {"verdict": "continue"}, 1),
    ]
    app.run()
    assert gate_metrics(metrics) == []


def gate_metrics(metrics: LedgerMetrics) -> list[tuple[str, dict[str, str], float]]:
    """Return the names, labels and values of the gate's metrics."""
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    return sorted(
        ((each.name, each.labels, each.value) for each in samples if each.name.startswith("gate_")),
        key=lambda each: (each[0], each[1].get("measure", "")),
    )


@pytest.mark.parametrize(
    ("add", "name", "message"),
    [
        (add_gate_runner, "gate_runner", "challengers were not evaluated"),
        (add_quality_monitor, "quality_monitor", "model quality was not measured, so the last values remain"),
    ],
    ids=["gate", "quality"],
)
def test_a_failed_evaluation_is_logged_and_tried_again(
    add: Callable[..., None], name: str, message: str, thread: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure of the database or of Kafka ends neither the timer nor the ledger, and an outage is reported."""
    failing = Mock()
    failing.evaluate.side_effect = failing.measure.side_effect = [LedgerUnavailableError("away"), LedgerError("wrong")]
    outage, app = Outage("the ledger database"), FakeApp()
    add(app, 1.0, outage=outage, metrics=LedgerMetrics(), evaluating=thread, **{name: failing})
    app.run()
    assert outage.active
    app.run()
    assert [text for text in caplog.messages if text.startswith(message)] == [f"{message}: away", f"{message}: wrong"]


def test_quality_is_exported(engine: Engine, thread: ThreadPoolExecutor) -> None:
    """A new measurement replaces the metrics of quality; before the first decision there is nothing to export."""
    writer, app, metrics = LedgerWriter(engine), FakeApp(), LedgerMetrics()
    monitor = QualityMonitor(engine, SETTINGS, writer.clock, monotonic=lambda: 0.0)  # without pauses
    parts: dict[str, Any] = {"app": app, "quality_monitor": monitor, "metrics": metrics, "evaluating": thread}
    add_quality_monitor(interval_s=1.0, outage=Outage("the ledger database"), **parts)
    app.run()
    assert "bundle_sha256=" not in exported(metrics)
    writer.write([decision(number) for number in range(10)])
    app.run()
    assert "bundle_sha256=" in exported(metrics)


def exported(metrics: LedgerMetrics) -> str:
    """Return the labels of all exported values."""
    samples = (sample for metric in metrics.registry.collect() for sample in metric.samples)
    return " ".join(f"{name}={value}" for sample in samples for name, value in sample.labels.items())


def test_expired_rows_are_deleted_once_the_database_responds(
    engine: Engine, thread: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage during the deletion of expired rows is reported once, not as an error; the next run deletes them."""
    caplog.set_level(logging.DEBUG)
    writer, outage, metrics, app = LedgerWriter(engine), Outage("the ledger database"), LedgerMetrics(), FakeApp()
    writer.write([decision(number) for number in range(10)])
    writer.clock.ms += 31 * DAY_MS
    parts: dict[str, Any] = {"app": app, "clock": writer.clock, "metrics": metrics, "writing": thread}
    add_retention(retention_days=30, engine=engine, outage=outage, **parts)
    with opened_engine(str(engine.url)) as other, writing(other):
        app.run()
    active = [outage.active]
    assert "expired rows are not deleted while the database is unavailable" in caplog.text
    app.run()
    assert [*active, outage.active] == [True, False]
    assert metrics.registry.get_sample_value("ledger_deleted_total", {"kind": "decisions"}) == 10

"""Tests how the rollback monitor acts on a verdict, with an in-memory control topic."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from schemas.errors import BrokerUnavailableError, RolesError, StaleEpochError
from schemas.messages import Challenger, ModelUpdate, Policy, RoleAction, RoleCounts, RollbackEvidence, encode
from stream.control.role_changes import restore_previous
from stream.control.rollback_metrics import RollbackMetrics
from stream.control.rollback_monitor import RollbackMonitor
from stream.evaluation.promotion_monitor import AUTHOR
from stream.settings import KafkaSettings, Settings, TopicSettings
from tests.evaluation.role_messages import model_counts, ref, role_counts, update

FIRST = update(1, "1", challengers=(Challenger(ref("2")), Challenger(ref("3"))))
PROMOTED = update(2, "2", "1", challengers=(Challenger(ref("3")),))
RESTORED = update(3, "1", "2", author=AUTHOR)
WILD = {"reviews": 1000}

#: Twelve blocks in which all models are healthy, then three blocks in which model 2 decides and alerts on everything.
HISTORY = [
    *[role_counts(model_counts("1"), model_counts("2", decides=False), sequence=n, role_epoch=1) for n in range(1, 13)],
    *[role_counts(model_counts("2", **WILD), sequence=n, role_epoch=2) for n in range(13, 16)],
]


class Bench:
    """A monitor with a control topic in memory.

    Attributes:
        updates: Assignments on the control topic.
        failures: Errors that the next reads or writes raise, one error each.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *updates: ModelUpdate) -> None:
        self.updates = list(updates)
        self.failures: list[Exception] = []
        self.registry = CollectorRegistry()
        self.monitor = RollbackMonitor(Settings().replace(rollback_min_blocks=8), RollbackMetrics(self.registry))
        monkeypatch.setattr("stream.control.rollback_monitor.all_roles", self._read)
        monkeypatch.setattr("stream.control.rollback_monitor.change_roles", self._write)
        monkeypatch.setattr("stream.control.elected_task.RETRY_S", 0)

    def _read(self, *_: object) -> Sequence[ModelUpdate]:
        if self.failures and isinstance(self.failures[0], BrokerUnavailableError):
            raise self.failures.pop()
        return self.updates

    def _write(
        self,
        _kafka: KafkaSettings,
        _topics: TopicSettings,
        change: Callable[[ModelUpdate], ModelUpdate],
        *,
        expected_epoch: int,
        **audit: Any,
    ) -> ModelUpdate:
        if self.failures:
            raise self.failures.pop()
        last = self.updates[-1]
        assert expected_epoch == last.epoch
        self.updates.append(replace(change(last), epoch=last.epoch + 1, previous=last.champion, **audit))
        return self.updates[-1]

    def step(self, *messages: RoleCounts) -> None:
        """Make the monitor process counts and judge, as its thread does."""
        self.monitor._pending.extend(map(encode, messages))
        self.monitor._try(self.monitor._process_pending)
        if not self.monitor._pending:
            self.monitor._try(self.monitor._judge)

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric."""
        return self.registry.get_sample_value(name, labels)


def test_a_breach_is_rolled_back_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The previous champion is restored, the audit says why, and further counts change nothing."""
    bench = Bench(monkeypatch, FIRST, PROMOTED)
    bench.step(*HISTORY)
    bench.step(*HISTORY)
    written = bench.updates[-1]
    assert (len(bench.updates), written.champion, written.author) == (3, ref("1"), AUTHOR)
    assert written.challengers == (Challenger(ref("3")),)
    assert written.note.startswith("alert_rate_high 1 crossed 0.")
    origin = "bounds from the champion's own 12 earlier blocks"
    assert f"in 1000 transactions, 1 block after the promotion; {origin}" in written.note
    assert written.action is RoleAction.ROLLBACK
    assert isinstance(written.evidence, RollbackEvidence)
    assert (written.evidence.statistic, written.evidence.value) == ("alert_rate_high", 1)
    assert (written.evidence.transactions, written.evidence.blocks) == (1000, 1)
    assert written.evidence.bound < 1
    assert msgspec.json.decode(encode(written), type=ModelUpdate) == written
    assert bench.metric("rollbacks_total") == 1
    assert bench.metric("rollback_monitor_paged") == 0
    assert "champion 2 was rolled back" in caplog.text


def test_no_counts_are_lost_while_kafka_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """If roles cannot be read because Kafka is unavailable, the counts are kept and judged later."""
    bench = Bench(monkeypatch, FIRST, PROMOTED)
    bench.failures.append(BrokerUnavailableError("unavailable"))
    bench.step(*HISTORY)
    assert bench.updates[-1] == PROMOTED
    bench.step()
    assert bench.updates[-1].author == AUTHOR


@pytest.mark.parametrize("error", [StaleEpochError("faster"), RolesError("unknown")])
def test_a_rollback_that_was_not_written_is_judged_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """If a rollback could not be written, it is written later, provided that the champion is still the same."""
    bench = Bench(monkeypatch, FIRST, PROMOTED)
    bench.failures.append(error)
    bench.step(*HISTORY)
    assert bench.updates[-1] == PROMOTED
    bench.step()
    assert bench.updates[-1].author == AUTHOR


@pytest.mark.parametrize(
    "change",
    [
        update(3, "3", "2"),
        replace(PROMOTED, epoch=3, policy=Policy("lax", 1.0, 1.0)),
        RESTORED,
    ],
    ids=["another champion", "another policy", "another monitor's rollback"],
)
def test_a_change_by_another_writer_stands(monkeypatch: pytest.MonkeyPatch, change: ModelUpdate) -> None:
    """A change by another writer is not rolled back: the breach belongs to roles that are no longer in force."""
    bench = Bench(monkeypatch, FIRST, PROMOTED)
    bench.failures.append(StaleEpochError("faster"))
    bench.step(*HISTORY)
    bench.updates.append(change)
    bench.step()
    assert bench.updates[-1] == change
    assert bench.metric("rollbacks_total") == 0


def test_an_operator_is_paged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """If the restored champion also breaches its bounds, nothing is written, and one critical line is logged."""
    bench = Bench(monkeypatch, FIRST, PROMOTED, RESTORED)
    wild = [role_counts(model_counts("1", **WILD), sequence=n, role_epoch=3) for n in range(20, 26)]
    bench.step(*HISTORY, *wild[:3])
    bench.step(*wild[3:])
    assert len(bench.updates) == 3
    critical = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(critical) == 1
    assert "there is no previous champion to restore" in critical[0].message
    assert bench.metric("rollback_monitor_paged") == 1
    bench.updates.append(update(4, "3", "1"))
    bench.step(role_counts(model_counts("3"), sequence=30, role_epoch=4))
    assert bench.metric("rollback_monitor_paged") == 0


def test_statistics_and_bounds_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics show each statistic and its bound until another worker is elected."""
    bench = Bench(monkeypatch, FIRST, PROMOTED)
    healthy: dict[str, Any] = {"sequence": 13, "role_epoch": 2}
    bench.monitor._elect(elected=True)
    bench.step(*HISTORY[:12], role_counts(model_counts("2"), **healthy))
    assert bench.metric("rollback_monitor_elected") == 1
    assert bench.metric("rollback_monitor_statistic", statistic="alert_rate_high") == 0.1
    assert bench.metric("rollback_monitor_bound", statistic="alert_rate_high") == pytest.approx(0.2, abs=0.1)
    bench.monitor._elect(elected=False)
    assert bench.metric("rollback_monitor_elected") == 0
    assert bench.metric("rollback_monitor_statistic", statistic="alert_rate_high") is None


def test_invalid_messages_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invalid messages, which any program may write to the topic, are logged and ignored."""
    bench = Bench(monkeypatch, FIRST, PROMOTED)
    bench.monitor._pending.extend([None, b"{", b"\xff"])
    bench.step(*HISTORY)
    assert bench.updates[-1].author == AUTHOR


def test_the_monitor_can_be_disabled() -> None:
    """A disabled monitor does not connect to Kafka, and can be stopped without having been started."""
    monitor = RollbackMonitor(Settings().replace(rollback_monitor="off"), RollbackMetrics(CollectorRegistry()))
    monitor.start()
    monitor.stop()
    assert not monitor._thread.ident


def test_nothing_can_be_restored_without_a_previous_champion() -> None:
    """Without a previous champion, a rollback raises an error that says so."""
    for last in (None, FIRST):
        with pytest.raises(RolesError, match="no previous champion"):
            restore_previous(last)


def test_the_restored_champion_decides_by_its_own_policy() -> None:
    """The restored champion does not decide by the failed champion's policy, and neither of the two is a challenger."""
    policy, other = Policy("then", 0.1, 0.2), Policy("lately", 0.3, 0.4)
    challengers = (Challenger(ref("1"), policy=other), Challenger(ref("2"), policy=policy), Challenger(ref("3")))
    restored = restore_previous(replace(PROMOTED, previous_policy=policy, policy=other, challengers=challengers))
    assert (restored.champion, restored.policy, restored.challengers) == (ref("1"), policy, challengers[2:])

"""The concept drift monitor on a real ledger: it reads only matured errors, each exactly once."""

from typing import Any

import pytest

from schemas.messages import Label, Transaction
from stream.settings import Settings
from tests.support.records import BASE_MS
from tests.training.decision_history import DecisionHistory
from training.drift.concept_monitor import ConceptMonitor

HOUR_MS = 3_600_000


def transactions(first: int, count: int) -> list[Transaction[Any]]:
    """Return transactions that are one second apart."""
    return [Transaction(f"t{n}", "card", BASE_MS + n * 1000, 100, "EUR", {}) for n in range(first, first + count)]


def frauds(history: DecisionHistory, first: int, count: int, verdict: str) -> None:
    """Record decisions with high scores on frauds, and labels for these frauds an hour later."""
    sent = transactions(first, count)
    history.decide(sent, first, verdict=verdict, score=0.99)
    history.label(
        [
            Label(f"l{n}", f"t{n}", "analyst", fraud=True, event_time_ms=BASE_MS + HOUR_MS)
            for n in range(first, first + count)
        ]
    )


def test_missed_frauds_raise_an_alarm_once_they_have_matured(history: DecisionHistory) -> None:
    """Decisions that have not matured raise no alarm. A new process raises the same alarms again."""
    monitor = ConceptMonitor(history.engine, history.settings.gate, history.settings.topic)
    assert monitor.check(history.champion_sha256) == []
    frauds(history, 0, 150, "review")
    frauds(history, 150, 60, "approve")
    assert monitor.check(history.champion_sha256) == []
    history.mature()
    alarms = monitor.check(history.champion_sha256)
    assert {alarm.stream for alarm in alarms} == {"misses"}
    assert BASE_MS + 150_000 < alarms[0].event_time_ms < BASE_MS + 180_000
    assert monitor.check(history.champion_sha256) == []
    assert (
        ConceptMonitor(history.engine, history.settings.gate, history.settings.topic).check(history.champion_sha256)
        == alarms
    )


def test_errors_of_another_champion_do_not_count(history: DecisionHistory) -> None:
    """The monitor starts over when the champion changes."""
    monitor = ConceptMonitor(history.engine, history.settings.gate, history.settings.topic)
    frauds(history, 0, 150, "review")
    frauds(history, 150, 60, "approve")
    history.mature()
    assert monitor.check("e" * 64) == []
    assert monitor.check(history.champion_sha256)


@pytest.mark.parametrize("verdict", ["review", "decline"])
def test_false_alerts_raise_an_alarm(history: DecisionHistory, verdict: str) -> None:
    """Alerts that are all frauds at first and all false later raise an alarm."""
    frauds(history, 0, 100, verdict)
    sent = transactions(100, 60)
    history.decide(sent, 100, verdict=verdict)
    labels = [Label(f"l{n}", f"t{n}", "analyst", fraud=False, event_time_ms=BASE_MS + HOUR_MS) for n in range(100, 160)]
    history.label(labels)
    history.mature()
    alarms = ConceptMonitor(history.engine, history.settings.gate, history.settings.topic).check(
        history.champion_sha256
    )
    assert {alarm.stream for alarm in alarms} == {"false alarms"}


def test_decisions_from_other_topics_do_not_count(history: DecisionHistory) -> None:
    """Decisions that another stream writes to the same ledger are ignored."""
    frauds(history, 0, 150, "review")
    frauds(history, 150, 60, "approve")
    history.mature()
    other = Settings().replace(ledger_url=history.settings.ledger.url, topic_transactions="others")
    assert ConceptMonitor(history.engine, other.gate, other.topic).check(history.champion_sha256) == []


@pytest.mark.parametrize(("score", "off"), [(0.2, True), (0.45, False)])
def test_scores_that_predict_the_wrong_share_of_frauds_are_reported(
    history: DecisionHistory, score: float, off: bool
) -> None:
    """Scores that predict 45% or 20% frauds are reported when 40% of the matured decisions are frauds."""
    sent = transactions(0, 400)
    history.decide(sent, score=score)
    history.label(
        [
            Label(f"l{n}", f"t{n}", "chargeback", fraud=True, event_time_ms=BASE_MS + HOUR_MS)
            for n in range(400)
            if n % 10 < 4
        ]
    )
    monitor = ConceptMonitor(history.engine, history.settings.gate, history.settings.topic)
    monitor.check(history.champion_sha256)
    assert monitor.calibration.problem is None
    history.mature()
    monitor.check(history.champion_sha256)
    assert (monitor.calibration.rows, monitor.calibration.frauds) == (400, 160)
    assert (monitor.calibration.problem is not None) == off
    if off:
        assert "predict 20.000% frauds, but 40.000% of 400 matured" in (monitor.calibration.problem or "")

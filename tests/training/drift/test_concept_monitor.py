"""The concept drift monitor on a real ledger: it reads matured errors only, and each once."""

from typing import Any

import pytest

from schemas.messages import Label, Transaction
from stream.settings import Settings
from tests.support.records import BASE_MS
from tests.training.retrain.conftest import Past, past  # noqa: F401 - the fixture
from training.drift.concept_monitor import ConceptMonitor

HOUR_MS = 3_600_000


def transactions(first: int, count: int) -> list[Transaction[Any]]:
    """Return transactions one second apart."""
    return [Transaction(f"t{n}", "card", BASE_MS + n * 1000, 100, "EUR", {}) for n in range(first, first + count)]


def frauds(past: Past, first: int, count: int, verdict: str) -> None:  # noqa: F811 - a parameter
    """Record decisions on frauds with high scores, and their labels within the hour."""
    sent = transactions(first, count)
    past.decide(sent, first, verdict=verdict, score=0.99)
    past.say(
        [
            Label(f"l{n}", f"t{n}", "analyst", fraud=True, event_time_ms=BASE_MS + HOUR_MS)
            for n in range(first, first + count)
        ]
    )


def test_missed_frauds_raise_an_alarm_once_they_have_matured(past: Past) -> None:  # noqa: F811 - likewise
    """Labels that have not matured raise none, and a new process raises the same alarm."""
    monitor = ConceptMonitor(past.engine, past.settings)
    assert monitor.check(past.champion_sha256) == []
    frauds(past, 0, 150, "review")
    frauds(past, 150, 60, "approve")
    assert monitor.check(past.champion_sha256) == []
    past.mature()
    alarms = monitor.check(past.champion_sha256)
    assert {alarm.stream for alarm in alarms} == {"misses"}
    assert BASE_MS + 150_000 < alarms[0].event_time_ms < BASE_MS + 180_000
    assert monitor.check(past.champion_sha256) == []
    assert ConceptMonitor(past.engine, past.settings).check(past.champion_sha256) == alarms


def test_errors_of_another_champion_do_not_count(past: Past) -> None:  # noqa: F811 - likewise
    """The monitor starts from zero when the champion changes."""
    monitor = ConceptMonitor(past.engine, past.settings)
    frauds(past, 0, 150, "review")
    frauds(past, 150, 60, "approve")
    past.mature()
    assert monitor.check("e" * 64) == []
    assert monitor.check(past.champion_sha256)


@pytest.mark.parametrize("verdict", ["review", "decline"])
def test_false_alerts_raise_an_alarm(past: Past, verdict: str) -> None:  # noqa: F811 - likewise
    """First all alerts are frauds, then none is."""
    frauds(past, 0, 100, verdict)
    sent = transactions(100, 60)
    past.decide(sent, 100, verdict=verdict)
    said = [Label(f"l{n}", f"t{n}", "analyst", fraud=False, event_time_ms=BASE_MS + HOUR_MS) for n in range(100, 160)]
    past.say(said)
    past.mature()
    alarms = ConceptMonitor(past.engine, past.settings).check(past.champion_sha256)
    assert {alarm.stream for alarm in alarms} == {"false alarms"}


def test_decisions_from_other_topics_do_not_count(past: Past) -> None:  # noqa: F811 - likewise
    """Another stream may write its decisions to the same ledger."""
    frauds(past, 0, 150, "review")
    frauds(past, 150, 60, "approve")
    past.mature()
    other = Settings().replace(ledger_url=past.settings.ledger.url, topic_transactions="others")
    assert ConceptMonitor(past.engine, other).check(past.champion_sha256) == []


@pytest.mark.parametrize(("score", "off"), [(0.2, True), (0.45, False)])
def test_scores_that_predict_the_wrong_share_of_frauds_are_reported(past: Past, score: float, off: bool) -> None:  # noqa: F811 - likewise
    """Four of ten matured decisions are frauds; the scores predict about as many, or half as many."""
    sent = transactions(0, 400)
    past.decide(sent, score=score)
    past.say(
        [
            Label(f"l{n}", f"t{n}", "chargeback", fraud=True, event_time_ms=BASE_MS + HOUR_MS)
            for n in range(400)
            if n % 10 < 4
        ]
    )
    monitor = ConceptMonitor(past.engine, past.settings)
    monitor.check(past.champion_sha256)
    assert monitor.calibration.problem is None
    past.mature()
    monitor.check(past.champion_sha256)
    assert (monitor.calibration.rows, monitor.calibration.frauds) == (400, 160)
    assert (monitor.calibration.problem is not None) == off
    if off:
        assert "predict 20.000% frauds, but 40.000% of 400 matured" in (monitor.calibration.problem or "")

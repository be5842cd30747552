"""The concept watch beside a real ledger: matured errors only, each once."""

from typing import Any

import pytest

from schemas.messages import Label, Transaction
from stream.settings import Settings
from tests.support.records import BASE_MS
from tests.training.retrain.conftest import Past, past  # noqa: F401 - the fixture
from training.drift.watch import ConceptWatch

HOUR_MS = 3_600_000


def transactions(first: int, count: int) -> list[Transaction[Any]]:
    """A second apart."""
    return [Transaction(f"t{n}", "card", BASE_MS + n * 1000, 100, "EUR", {}) for n in range(first, first + count)]


def frauds(past: Past, first: int, count: int, verdict: str) -> None:  # noqa: F811 - a parameter
    """Let frauds be decided, by scores that say so, and their labels come within the hour."""
    sent = transactions(first, count)
    past.decide(sent, first, verdict=verdict, score=0.99)
    past.say(
        [
            Label(f"l{n}", f"t{n}", "analyst", fraud=True, event_time_ms=BASE_MS + HOUR_MS)
            for n in range(first, first + count)
        ]
    )


def test_frauds_that_go_through_raise_an_alarm_once_they_have_matured(past: Past) -> None:  # noqa: F811 - likewise
    """Not before, though their labels are there; and a new process comes to the same alarm."""
    watch = ConceptWatch(past.engine, past.settings)
    assert watch.look(past.champion_sha256) == []
    frauds(past, 0, 150, "review")
    frauds(past, 150, 60, "approve")
    assert watch.look(past.champion_sha256) == []
    past.mature()
    found = watch.look(past.champion_sha256)
    assert {alarm.stream for alarm in found} == {"misses"}
    assert BASE_MS + 150_000 < found[0].event_time_ms < BASE_MS + 180_000
    assert watch.look(past.champion_sha256) == []
    assert ConceptWatch(past.engine, past.settings).look(past.champion_sha256) == found


def test_another_champion_s_errors_are_not_held_against_this_one(past: Past) -> None:  # noqa: F811 - likewise
    """It begins anew."""
    watch = ConceptWatch(past.engine, past.settings)
    frauds(past, 0, 150, "review")
    frauds(past, 150, 60, "approve")
    past.mature()
    assert watch.look("e" * 64) == []
    assert watch.look(past.champion_sha256)


@pytest.mark.parametrize("verdict", ["review", "decline"])
def test_alerts_that_turn_out_false_raise_an_alarm(past: Past, verdict: str) -> None:  # noqa: F811 - likewise
    """First all are frauds, then none is."""
    frauds(past, 0, 100, verdict)
    sent = transactions(100, 60)
    past.decide(sent, 100, verdict=verdict)
    said = [Label(f"l{n}", f"t{n}", "analyst", fraud=False, event_time_ms=BASE_MS + HOUR_MS) for n in range(100, 160)]
    past.say(said)
    past.mature()
    found = ConceptWatch(past.engine, past.settings).look(past.champion_sha256)
    assert {alarm.stream for alarm in found} == {"false alarms"}


def test_other_topics_are_not_looked_at(past: Past) -> None:  # noqa: F811 - likewise
    """Transactions that a stream of other people scored into the same ledger."""
    frauds(past, 0, 150, "review")
    frauds(past, 150, 60, "approve")
    past.mature()
    other = Settings().replace(ledger_url=past.settings.ledger.url, topic_transactions="others")
    assert ConceptWatch(past.engine, other).look(past.champion_sha256) == []


@pytest.mark.parametrize(("score", "off"), [(0.2, True), (0.45, False)])
def test_scores_that_promise_other_frauds_than_there_are(past: Past, score: float, off: bool) -> None:  # noqa: F811 - likewise
    """Once they have matured: four of ten are frauds, and the scores said so, or half as many."""
    sent = transactions(0, 400)
    past.decide(sent, score=score)
    past.say(
        [
            Label(f"l{n}", f"t{n}", "chargeback", fraud=True, event_time_ms=BASE_MS + HOUR_MS)
            for n in range(400)
            if n % 10 < 4
        ]
    )
    watch = ConceptWatch(past.engine, past.settings)
    watch.look(past.champion_sha256)
    assert watch.calibration.off is None
    past.mature()
    watch.look(past.champion_sha256)
    assert (watch.calibration.rows, watch.calibration.frauds) == (400, 160)
    assert (watch.calibration.off is not None) == off
    if off:
        assert "promise 20.000% frauds, 40.000% of 400 matured" in (watch.calibration.off or "")

"""Readiness and the watchdog, look by look, with sources that a test steers."""

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.errors import BrokerAwayError, LedgerAwayError
from stream.ledger.metrics import LedgerMetrics
from stream.runtime.in_flight import InHand
from stream.runtime.outage import Outage
from stream.runtime.readiness import Problem
from stream.runtime.store_watchdog import StoredHealth
from stream.runtime.watchdog import AWAY_LOOKS
from stream.settings import Settings


@dataclass
class Source:
    """Stands in for a StoredSource."""

    joined: bool = True
    left: int = 0
    away: bool = False
    patient: bool = False
    in_hand: InHand = field(default_factory=InHand)

    def lag(self, _: float) -> int:
        """Return what is left, unless the broker is away."""
        if self.away:
            raise BrokerAwayError("away")
        return self.left


@pytest.fixture
def source() -> Source:
    """A source with nothing to do."""
    return Source()


@pytest.fixture
def outage() -> Outage:
    """A database that answers."""
    return Outage("the ledger database")


@pytest.fixture
def stuck() -> Mock:
    """What the watchdog calls."""
    return Mock()


@pytest.fixture
def health(source: Source, outage: Outage, stuck: Mock) -> StoredHealth:
    """Watches one source of labels, not started: a test looks by itself."""
    sources: Any = {"labels": source}
    return StoredHealth(Settings().kafka.watchdog_s, sources, outage, LedgerMetrics(), patience=lambda: source.patient, on_stuck=stuck)


def look(health: StoredHealth, times: int) -> None:
    """Look so many seconds long."""
    for _ in range(times):
        health.look()


def lose_database(outage: Outage) -> None:
    """Ask a database that does not answer."""
    with pytest.raises(LedgerAwayError), outage.watched("labels"):
        raise LedgerAwayError("away")


def test_it_is_ready_once_it_reads_and_broker_and_database_answer(
    health: StoredHealth, source: Source, outage: Outage
) -> None:
    """Each lack is named."""
    source.joined = False
    assert health.problems() == [Problem.NOT_READING, Problem.BROKER_UNAVAILABLE]
    source.joined = True
    health.look()
    assert health.problems() == []
    lose_database(outage)
    assert health.problems() == [Problem.STORE_UNAVAILABLE]
    source.away = True
    look(health, AWAY_LOOKS)
    assert health.problems() == [Problem.STORE_UNAVAILABLE, Problem.BROKER_UNAVAILABLE]


def test_the_watchdog_bites_when_there_is_work_and_nothing_moves(
    health: StoredHealth, source: Source, stuck: Mock
) -> None:
    """Half the time before, the program is not ready."""
    source.left = 5
    look(health, 16)
    assert health.problems() == [Problem.STUCK]
    stuck.assert_not_called()
    look(health, 15)
    stuck.assert_called()
    assert "5 messages waiting" in stuck.call_args.args[0]


@pytest.mark.parametrize("why", ["idle", "moving", "no broker", "no database", "not joined", "long work"])
def test_the_watchdog_does_not_bite(
    health: StoredHealth, source: Source, outage: Outage, stuck: Mock, why: str
) -> None:
    """Without work, while something moves, or while what it waits for is away."""
    source.left = 0 if why == "idle" else 5
    source.joined = why != "not joined"
    source.patient = why == "long work"
    if why == "no database":
        lose_database(outage)
    for _ in range(60):
        if why == "moving":
            source.in_hand.add()
            source.in_hand.settle()
        source.away = why == "no broker"
        health.look()
    stuck.assert_not_called()

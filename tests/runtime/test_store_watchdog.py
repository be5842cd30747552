"""The readiness and the watchdog of a program that writes to a store, tested with a fake source."""

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.errors import BrokerUnavailableError, LedgerUnavailableError
from stream.ledger.metrics import LedgerMetrics
from stream.runtime.in_flight import InFlight
from stream.runtime.outage import Outage
from stream.runtime.readiness import Problem
from stream.runtime.store_watchdog import StoreWatchdog
from stream.runtime.watchdog import UNANSWERED_CHECKS
from stream.settings import Settings


@dataclass
class FakeSource:
    """Stands in for a StoredSource."""

    joined: bool = True
    messages_left: int = 0
    broker_unavailable: bool = False
    busy: bool = False
    in_flight: InFlight = field(default_factory=InFlight)

    def lag(self, _: float) -> int:
        """Return the number of messages left to read, unless the broker is unavailable."""
        if self.broker_unavailable:
            raise BrokerUnavailableError("unavailable")
        return self.messages_left


@pytest.fixture
def source() -> FakeSource:
    """A source without messages left to read."""
    return FakeSource()


@pytest.fixture
def outage() -> Outage:
    """The outage tracker of a database that is responding."""
    return Outage("the ledger database")


@pytest.fixture
def stuck() -> Mock:
    """The callback that would end the process."""
    return Mock()


@pytest.fixture
def health(source: FakeSource, outage: Outage, stuck: Mock) -> StoreWatchdog:
    """A watchdog for one source; the watchdog is not started, so that the test can run each check itself."""
    sources: Any = {"labels": source}
    watchdog_s = Settings().kafka.watchdog_s
    return StoreWatchdog(watchdog_s, sources, outage, LedgerMetrics(), is_busy=lambda: source.busy, on_stuck=stuck)


def check(health: StoreWatchdog, times: int) -> None:
    """Run the given number of checks, each of which stands for one second."""
    for _ in range(times):
        health.check()


def lose_database(outage: Outage) -> None:
    """Fail one call to the database."""
    with pytest.raises(LedgerUnavailableError), outage.track("labels"):
        raise LedgerUnavailableError("unavailable")


def test_ready_once_it_reads_and_broker_and_database_answer(
    health: StoreWatchdog, source: FakeSource, outage: Outage
) -> None:
    """The program is ready once it reads and its broker and database respond; each missing condition is a problem."""
    source.joined = False
    assert health.problems() == [Problem.NOT_READING, Problem.BROKER_UNAVAILABLE]
    source.joined = True
    health.check()
    assert health.problems() == []
    lose_database(outage)
    assert health.problems() == [Problem.STORE_UNAVAILABLE]
    source.broker_unavailable = True
    check(health, UNANSWERED_CHECKS)
    assert health.problems() == [Problem.STORE_UNAVAILABLE, Problem.BROKER_UNAVAILABLE]


def test_the_watchdog_fires_when_there_is_work_and_no_progress(
    health: StoreWatchdog, source: FakeSource, stuck: Mock
) -> None:
    """With work but no progress, the program is unready after half the watchdog's time, and the watchdog then fires."""
    source.messages_left = 5
    check(health, 16)
    assert health.problems() == [Problem.STUCK]
    stuck.assert_not_called()
    check(health, 15)
    stuck.assert_called()
    assert "5 messages waiting" in stuck.call_args.args[0]


@pytest.mark.parametrize("why", ["idle", "progress", "no broker", "no database", "not joined", "long work"])
def test_the_watchdog_does_not_fire(
    health: StoreWatchdog, source: FakeSource, outage: Outage, stuck: Mock, why: str
) -> None:
    """The watchdog stays silent without work, with progress, and while the program has to wait or is busy."""
    source.messages_left = 0 if why == "idle" else 5
    source.joined = why != "not joined"
    source.busy = why == "long work"
    if why == "no database":
        lose_database(outage)
    for _ in range(60):
        if why == "progress":
            source.in_flight.add()
            source.in_flight.complete()
        source.broker_unavailable = why == "no broker"
        health.check()
    stuck.assert_not_called()

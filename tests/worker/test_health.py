"""Readiness and the watchdog. The source here is a stand-in whose answers each test chooses."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from schemas.errors import BrokerUnavailableError
from stream.runtime.in_flight import InFlight
from stream.runtime.readiness import Problem
from stream.runtime.watchdog import UNANSWERED_CHECKS
from stream.settings import Settings
from stream.worker.health import Health
from stream.worker.metrics import WorkerMetrics
from tests.support.until import until

WATCHDOG_LOOKS = 15


@dataclass
class Source:
    """A stand-in for the batch source."""

    assigned: tuple[int, ...] = (0, 1)
    left: int = 0
    away: bool = False
    in_flight: InFlight = field(default_factory=InFlight)

    def lag(self, timeout: float) -> int:
        """Answer, or not."""
        if self.away:
            raise BrokerUnavailableError(f"nobody answers within {timeout} s")
        return self.left


@dataclass
class Roles:
    """A stand-in for the roles: somebody decides, or nobody."""

    scorer: object | None = field(default_factory=object)


@pytest.fixture
def source() -> Source:
    """A source without work."""
    return Source()


@pytest.fixture
def stuck() -> list[str]:
    """What the watchdog said when it would have ended the process."""
    return []


@pytest.fixture
def health(source: Source, stuck: list[str]) -> Health:
    """Health with the shortest watchdog."""
    settings = Settings().replace(kafka_watchdog_s=WATCHDOG_LOOKS)
    return Health(settings, cast("Any", source), cast("Any", Roles()), WorkerMetrics(), on_stuck=stuck.append)


def look(health: Health, times: int) -> None:
    """Look several times."""
    for _ in range(times):
        health.check()


def test_ready_after_the_first_answer(health: Health) -> None:
    """Before the broker has answered once the worker is not ready."""
    assert health.problems() == [Problem.BROKER_UNAVAILABLE]
    health.check()
    assert health.problems() == []


def test_no_partitions_and_no_champion_are_named(source: Source) -> None:
    """Each reason for not being ready stands by itself."""
    source.assigned = ()
    health = Health(Settings(), cast("Any", source), cast("Any", Roles(None)), WorkerMetrics())
    health.check()
    assert health.problems() == [Problem.NO_CHAMPION, Problem.NO_PARTITIONS]


def test_work_that_does_not_move_ends_the_process(health: Health, source: Source, stuck: list[str]) -> None:
    """Transactions wait and nothing is read: after the watchdog's time it says so, once a look."""
    source.left = 7
    look(health, WATCHDOG_LOOKS - 1)
    assert stuck == []
    look(health, 1)
    assert len(stuck) == 1
    assert "7 transactions waiting" in stuck[0]


def test_a_batch_in_hand_that_does_not_finish_ends_the_process(
    health: Health, source: Source, stuck: list[str]
) -> None:
    """A batch that hangs is stuck even when no lag is left."""
    source.in_flight.add()
    look(health, 1)  # it came in: something has moved
    look(health, WATCHDOG_LOOKS)
    assert len(stuck) == 1


def test_a_quiet_topic_is_not_stuck(health: Health, stuck: list[str]) -> None:
    """Without work nothing has to move."""
    look(health, WATCHDOG_LOOKS * 3)
    assert stuck == []


def test_slow_but_moving_is_not_stuck(health: Health, source: Source, stuck: list[str]) -> None:
    """A batch now and then is enough."""
    source.left = 1000
    for _ in range(WATCHDOG_LOOKS * 3):
        source.in_flight.add()
        source.in_flight.complete()
        look(health, WATCHDOG_LOOKS - 1)
    assert stuck == []


def test_a_broker_that_is_away_is_no_fault_of_the_worker(health: Health, source: Source, stuck: list[str]) -> None:
    """While nobody answers the watchdog is disarmed, and the worker is not ready."""
    source.left = 10
    source.in_flight.add()
    health.check()
    source.away = True
    source.in_flight.complete()
    look(health, UNANSWERED_CHECKS)
    assert Problem.BROKER_UNAVAILABLE in health.problems()
    look(health, WATCHDOG_LOOKS * 3)
    assert stuck == []


def test_an_outage_does_not_look_like_an_empty_topic(health: Health, source: Source) -> None:
    """A worker that has lost its partitions to an outage goes on showing what was left, not 0."""
    source.left = 40_000
    health.check()
    source.assigned, source.left = (), 0
    health.check()
    assert health.lag == 40_000
    assert health.problems() == [Problem.NO_PARTITIONS]


def test_a_watch_that_ends_ends_the_worker(source: Source) -> None:
    """Whatever stops the watchdog itself is no reason to go on without one."""
    ended = list[BaseException]()
    health = Health(
        Settings(), cast("Any", source), cast("Any", None), WorkerMetrics(), on_stuck=print, on_error=ended.append
    )
    health.start()
    until(lambda: bool(ended))
    health.stop()
    assert isinstance(ended[0], AttributeError)

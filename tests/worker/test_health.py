"""Readiness and the watchdog of the worker, with a fake source."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from schemas.errors import BrokerUnavailableError
from stream.runtime.in_flight import InFlight
from stream.runtime.readiness import Problem
from stream.runtime.watchdog import UNANSWERED_CHECKS
from stream.settings import Settings
from stream.worker.health import WorkerHealth
from stream.worker.metrics import WorkerMetrics
from tests.support.until import until

WATCHDOG_CHECKS = 15


@dataclass
class FakeSource:
    """A batch source whose lag and progress each test sets."""

    assigned: tuple[int, ...] = (0, 1)
    unread: int = 0
    unavailable: bool = False
    in_flight: InFlight = field(default_factory=InFlight)

    def lag(self, timeout: float) -> int:
        """Return the number of unread transactions, or fail."""
        if self.unavailable:
            raise BrokerUnavailableError(f"no answer within {timeout} s")
        return self.unread


@dataclass
class FakeRoles:
    """Roles with or without a champion."""

    scorer: object | None = field(default_factory=object)


@pytest.fixture
def source() -> FakeSource:
    """A source without work."""
    return FakeSource()


@pytest.fixture
def stuck() -> list[str]:
    """Return the list of messages with which the watchdog would have ended the process."""
    return []


@pytest.fixture
def health(source: FakeSource, stuck: list[str]) -> WorkerHealth:
    """Return the health of a worker with the shortest watchdog time."""
    settings = Settings().replace(kafka_watchdog_s=WATCHDOG_CHECKS)
    return WorkerHealth(
        settings.kafka.watchdog_s, cast("Any", source), cast("Any", FakeRoles()), WorkerMetrics(), on_stuck=stuck.append
    )


def check(health: WorkerHealth, times: int) -> None:
    """Run several checks."""
    for _ in range(times):
        health.check()


def test_ready_after_the_first_answer(health: WorkerHealth) -> None:
    """The worker is ready only after the broker's first response."""
    assert health.problems() == [Problem.BROKER_UNAVAILABLE]
    health.check()
    assert health.problems() == []


def test_no_partitions_and_no_champion_are_named(source: FakeSource) -> None:
    """Missing partitions and a missing champion are both listed as reasons for not being ready."""
    source.assigned = ()
    health = WorkerHealth(
        Settings().kafka.watchdog_s, cast("Any", source), cast("Any", FakeRoles(None)), WorkerMetrics()
    )
    health.check()
    assert health.problems() == [Problem.NO_CHAMPION, Problem.NO_PARTITIONS]


def test_waiting_work_without_progress_ends_the_process(
    health: WorkerHealth, source: FakeSource, stuck: list[str]
) -> None:
    """If transactions wait and none is read, every check after the watchdog's time reports that the worker is stuck."""
    source.unread = 7
    check(health, WATCHDOG_CHECKS - 1)
    assert stuck == []
    check(health, 1)
    assert len(stuck) == 1
    assert "7 transactions waiting" in stuck[0]


def test_a_batch_in_flight_that_hangs_ends_the_process(
    health: WorkerHealth, source: FakeSource, stuck: list[str]
) -> None:
    """A batch that hangs ends the process even if no transactions are left to read."""
    source.in_flight.add()
    check(health, 1)  # reading the batch counted as progress
    check(health, WATCHDOG_CHECKS)
    assert len(stuck) == 1


def test_a_quiet_topic_is_not_stuck(health: WorkerHealth, stuck: list[str]) -> None:
    """Without transactions to read, a lack of progress does not count as stuck."""
    check(health, WATCHDOG_CHECKS * 3)
    assert stuck == []


def test_slow_progress_is_not_stuck(health: WorkerHealth, source: FakeSource, stuck: list[str]) -> None:
    """A worker that completes an occasional batch is not stuck."""
    source.unread = 1000
    for _ in range(WATCHDOG_CHECKS * 3):
        source.in_flight.add()
        source.in_flight.complete()
        check(health, WATCHDOG_CHECKS - 1)
    assert stuck == []


def test_an_unavailable_broker_does_not_end_the_process(
    health: WorkerHealth, source: FakeSource, stuck: list[str]
) -> None:
    """While the broker is not responding, the watchdog is disarmed and the worker is not ready."""
    source.unread = 10
    source.in_flight.add()
    health.check()
    source.unavailable = True
    source.in_flight.complete()
    check(health, UNANSWERED_CHECKS)
    assert Problem.BROKER_UNAVAILABLE in health.problems()
    check(health, WATCHDOG_CHECKS * 3)
    assert stuck == []


def test_an_outage_does_not_look_like_an_empty_topic(health: WorkerHealth, source: FakeSource) -> None:
    """A worker that lost its partitions in an outage keeps showing the last lag, not 0."""
    source.unread = 40_000
    health.check()
    source.assigned, source.unread = (), 0
    health.check()
    assert health.lag == 40_000
    assert health.problems() == [Problem.NO_PARTITIONS]


def test_an_error_in_the_watchdog_ends_the_worker(source: FakeSource) -> None:
    """An error in the watchdog ends the worker, which must not run without a watchdog."""
    errors = list[BaseException]()
    health = WorkerHealth(
        Settings().kafka.watchdog_s,
        cast("Any", source),
        cast("Any", None),
        WorkerMetrics(),
        on_stuck=print,
        on_error=errors.append,
    )
    health.start()
    until(lambda: bool(errors))
    health.stop()
    assert isinstance(errors[0], AttributeError)

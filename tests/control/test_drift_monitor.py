"""The drift watch without Kafka: what it takes in, and in which order it writes. On a real one: tests/faults."""

from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.errors import BundleMissingError, KafkaError
from schemas.manifest import Manifest
from schemas.messages import DriftCounts, DriftReport, encode
from stream.control.drift_metrics import DriftMetrics
from stream.control.drift_monitor import DriftMonitor
from stream.control.election import Found
from stream.settings import Settings
from tests.drift.sample_bundle import MANIFEST, ROWS, stream


class Store:
    """Manifests of bundles, unless it is away."""

    def __init__(self) -> None:
        self.away = False

    def of(self, _: DriftCounts) -> Manifest:
        """Return the one there is."""
        if self.away:
            raise BundleMissingError("made to fail")
        return MANIFEST


class Writer:
    """Takes reports, after so many refusals."""

    def __init__(self) -> None:
        self.refusals = 0
        self.written: list[DriftReport] = []

    def write(self, reports: Sequence[DriftReport]) -> None:
        """Refuse, or take."""
        if self.refusals:
            self.refusals -= 1
            raise KafkaError("made to fail")
        self.written += reports


class Bench:
    """An elected watch with everything it talks to."""

    def __init__(self) -> None:
        self.store, self.writer = Store(), Writer()
        parts: dict[str, Any] = {"manifests": self.store, "metrics": DriftMetrics(CollectorRegistry())}
        self.watch = DriftMonitor(Settings().replace(drift_window_rows=ROWS), **parts)
        self.watch._writer = self.writer  # type: ignore[assignment]
        self.offset = 0

    def come(self, *values: bytes | None) -> None:
        """Let messages wait."""
        for value in values:
            self.watch._pending.append(Found(self.offset, value))
            self.offset += 1

    @property
    def rows(self) -> int:
        """Of the open window."""
        return sum(view.rows for view in self.watch._merger.views())


@pytest.fixture
def bench() -> Bench:
    """A watch that has seen nothing."""
    return Bench()


def test_a_message_that_comes_again_counts_once(bench: Bench) -> None:
    """Told by instance and sequence, also behind a later one; another instance begins at 1."""
    first, second = (encode(each) for each in stream(2))
    (other,) = (encode(each) for each in stream(1, instance="b"))
    bench.come(first, second, first, second, other)
    bench.watch._take()
    assert bench.rows == 300


def test_what_is_no_counts_is_passed_over(bench: Bench) -> None:
    """With a line on the log; what follows is taken."""
    bench.come(None, b"", b"{", b'{"slot": "0"}', *(encode(each) for each in stream(1)))
    bench.watch._take()
    assert bench.rows == 100


def test_a_report_is_written_before_anything_further_is_taken(bench: Bench) -> None:
    """Whoever is elected next begins behind the newest report: none may be missing among them."""
    bench.come(*(encode(each) for each in stream(25)))
    bench.writer.refusals = 2
    for _ in range(2):
        with pytest.raises(KafkaError):
            bench.watch._take()
        assert (len(bench.watch._pending), bench.writer.written) == (15, [])
    bench.watch._take()
    assert [report.number for report in bench.writer.written] == [1, 2]
    assert not bench.watch._pending
    assert bench.rows == 500


def test_while_the_store_is_away_counts_wait(bench: Bench) -> None:
    """None is skipped, and none taken twice."""
    bench.come(*(encode(each) for each in stream(3)))
    bench.store.away = True
    for _ in range(2):
        with pytest.raises(BundleMissingError):
            bench.watch._take()
    assert len(bench.watch._pending) == 3
    bench.store.away = False
    bench.watch._take()
    assert bench.rows == 300

"""A challenger's serving health, measured from the decisions in the ledger."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from schemas.messages import BundleRef
from stream.evaluation.guardrails import ServingHealth
from stream.ledger import challenger_health
from stream.ledger.challenger_health import health_meter
from stream.ledger.database import opened_engine
from stream.ledger.migrate import migrate
from tests.support.ledger_batch import LedgerWriter
from tests.support.records import CHALLENGER, decision

BUNDLE = BundleRef("fraud", "2", "fraud/2", CHALLENGER)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite ledger."""
    with opened_engine(f"sqlite:///{tmp_path}/ledger.db") as opened:
        migrate(opened)
        yield opened


def test_latency_is_measured_over_the_newest_decisions(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Latency is the 99th percentile of the newest decisions; parity is measured up to the newest decision."""
    monkeypatch.setattr(challenger_health, "LATENCY_DECISIONS", 101)
    writer = LedgerWriter(engine)
    writer.write([decision(number, latency_ms=1e6) for number in range(50)])
    writer.clock.ms += 1
    newest = [decision(50 + number, latency_ms=float(number)) for number in range(101)]
    writer.write(newest)
    calls: list[tuple[BundleRef, int]] = []

    def parity_gap(challenger: BundleRef, until_ms: int) -> float:
        calls.append((challenger, until_ms))
        return 0.5

    assert health_meter(engine, parity_gap)(BUNDLE) == ServingHealth(latency_p99_ms=99.0, parity_gap=0.5)
    assert calls == [(BUNDLE, newest[-1].scored_at_ms + 1)]


def test_without_decisions_health_is_unknown(engine: Engine) -> None:
    """Without decisions, health is NaN, which the guardrails reject, and nothing is scored again."""
    health = health_meter(engine, lambda *_: pytest.fail("scored again"))(BUNDLE)
    assert math.isnan(health.latency_p99_ms)
    assert math.isnan(health.parity_gap)

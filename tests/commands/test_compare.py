"""`fraud-stream compare` counts what happened in a ledger's history."""

from pathlib import Path

import numpy as np
import pytest

from stream.evaluation.counterfactual import changes_by_day, counterfactual_change
from stream.ledger.database import migrate, open_engine
from stream.ledger.gate_runner import DAY_MS, GateRunner, capped_costs
from stream.ledger.matchups import find_matchups, load_pairs
from tests.ledger.test_gate_runner import HEALTHY
from tests.support.command import run
from tests.support.ledger_history import FRAUDS, LEGITIMATE, SETTINGS, SimulatedHistory


@pytest.fixture
def history(tmp_path: Path) -> tuple[str, SimulatedHistory]:
    """URL of a SQLite ledger with forty days of history and a test in progress."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    engine = open_engine(url)
    migrate(engine)
    past = SimulatedHistory(engine, caught=(0.5, 0.85))
    past.advance(34)
    GateRunner(engine, SETTINGS.gate, past.clock, lambda _: HEALTHY).evaluate()
    past.advance(6)
    return url, past


def test_the_command_shows_days_flips_and_the_test(history: tuple[str, SimulatedHistory]) -> None:
    """The command prints a table by day, the verdict matrix and the test's state, or an error for an unknown hash."""
    url, past = history
    engine = open_engine(url)
    GateRunner(engine, SETTINGS.gate, past.clock, lambda _: HEALTHY).evaluate()
    settings = SETTINGS.replace(ledger_url=url)
    shown = run("compare", "--days", "5", settings=settings)
    assert shown.returncode == 0, shown.stderr
    assert "test 1: continue" in " ".join(shown.stdout.split())
    # Five days of event time that begin and end in the middle of a date cover six dates.
    assert shown.stdout.count("2026-12-") == 6
    assert "challenger: decline" in shown.stdout
    shown = run("compare", "ffff", settings=settings)
    assert shown.returncode == 1
    assert "no challenger whose hash begins with ffff" in " ".join(shown.stderr.split())


def test_changes_add_up(history: tuple[str, SimulatedHistory]) -> None:
    """The days add up to the total, and the amount saved minus the amount lost is the difference in costs."""
    url, past = history
    engine = open_engine(url)
    (matchup,) = find_matchups(engine)
    pairs = load_pairs(engine, matchup, since=0, until=matchup.complete_ms, maturity_ms=10 * DAY_MS)
    costs = capped_costs(SETTINGS.gate, 10_000)
    days = list(changes_by_day(pairs, costs))
    total = counterfactual_change(pairs, costs, 0, 0)
    assert sum(day.transactions for day in days) == total.transactions == len(pairs)
    assert len(pairs) == 40 * (FRAUDS + LEGITIMATE) - 1  # the transaction at the watermark itself is not complete
    for field in ("saved_minor", "lost_minor", "false_positives_removed", "frauds_gained", "frauds_lost", "waiting"):
        assert sum(getattr(day, field) for day in days) == pytest.approx(getattr(total, field))
    fraud = pairs.fraud
    sides = (
        costs.cost_of(verdict, fraud, pairs.amount_minor)
        for verdict in (pairs.champion_verdict, pairs.challenger_verdict)
    )
    champion, challenger = (float(pairs.weight @ each) for each in sides)
    assert total.saved_minor - total.lost_minor == pytest.approx(champion - challenger)
    assert np.sum(total.flips) == len(pairs)
    assert total.waiting > 0
    assert past.clock.ms > matchup.complete_ms

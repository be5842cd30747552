"""`fraud-stream compare` counts what happened in a ledger's history."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from stream.cli import cli
from stream.evaluation.counterfactual import changes_by_day, counterfactual_change
from stream.ledger.database import opened_engine
from stream.ledger.gate_runner import DAY_MS, GateRunner, capped_costs
from stream.ledger.matchups import find_matchups, load_pairs
from stream.ledger.migrate import migrate
from tests.ledger.test_gate_runner import HEALTHY
from tests.support.command import run
from tests.support.ledger_history import FRAUDS, LEGITIMATE, SETTINGS, SimulatedHistory


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite ledger."""
    with opened_engine(f"sqlite:///{tmp_path}/ledger.db") as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def history(engine: Engine) -> SimulatedHistory:
    """Forty days of history in the ledger, and a test in progress."""
    past = SimulatedHistory(engine, caught=(0.5, 0.85))
    past.advance(34)
    GateRunner(engine, SETTINGS.gate, past.clock, lambda _: HEALTHY).evaluate()
    past.advance(6)
    return past


def test_the_command_shows_days_flips_and_the_test(engine: Engine, history: SimulatedHistory) -> None:
    """The command prints a table by day, the verdict matrix and the test's state, or an error for an unknown hash."""
    GateRunner(engine, SETTINGS.gate, history.clock, lambda _: HEALTHY).evaluate()
    settings = SETTINGS.replace(ledger_url=str(engine.url))
    shown = run("compare", "--days", "5", settings=settings)
    assert shown.returncode == 0, shown.stderr
    assert "test 1: continue" in " ".join(shown.stdout.split())
    # Five days of event time that begin and end in the middle of a date cover six dates.
    assert shown.stdout.count("2026-12-") == 6
    assert "challenger: decline" in shown.stdout
    shown = run("compare", "ffff", settings=settings)
    assert shown.returncode == 1
    assert "no challenger whose hash begins with ffff" in " ".join(shown.stderr.split())


def test_the_command_says_what_a_test_waits_for(engine: Engine) -> None:
    """Before the gate's test of a challenger has a verdict, the command says what the test is waiting for."""
    past = SimulatedHistory(engine, caught=(0.5, 0.85))
    past.advance(2)
    settings = SETTINGS.replace(ledger_url=str(engine.url))
    shown = CliRunner(env=dict(settings.environment())).invoke(cli, ["compare"])
    assert shown.exit_code == 0, shown.output
    assert "no verdict yet: its test has not started" in " ".join(shown.output.split())


def test_changes_add_up(engine: Engine, history: SimulatedHistory) -> None:
    """The days add up to the total, and the amount saved minus the amount lost is the difference in costs."""
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
    assert history.clock.ms > matchup.complete_ms

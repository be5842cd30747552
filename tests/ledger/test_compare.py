"""`fraud-stream compare` on a ledger: what it counts is what happened."""

import numpy as np
import pytest

from stream.evaluation.counterfactual import change, changes_by_day
from stream.ledger.database import migrate, open_engine
from stream.ledger.gate_runner import DAY_MS, GateRunner, capped_costs
from stream.ledger.matchups import find_matchups, load_pairs
from tests.ledger.test_gate_runner import HEALTHY
from tests.support.command import run
from tests.support.ledger_history import FRAUDS, LEGITIMATE, SETTINGS, History


@pytest.fixture
def history(new_url: object) -> tuple[str, History]:
    """Forty days in a SQLite ledger, with a test under way."""
    url = new_url("sqlite")  # type: ignore[operator]  # the fixture is a factory
    engine = open_engine(url)
    migrate(engine)
    lived = History(engine, caught=(0.5, 0.85))
    lived.live(34)
    GateRunner(engine, SETTINGS, lived.clock, lambda _: HEALTHY).look()
    lived.live(6)
    return url, lived


def test_the_command_shows_days_flips_and_the_test(history: tuple[str, History]) -> None:
    """One table by day, the matrix, and where the test stands; another hash is one line."""
    url, lived = history
    engine = open_engine(url)
    GateRunner(engine, SETTINGS, lived.clock, lambda _: HEALTHY).look()
    settings = SETTINGS.replace(ledger_url=url)
    shown = run("compare", "--days", "5", settings=settings)
    assert shown.returncode == 0, shown.stderr
    assert "test 1: continue" in " ".join(shown.stdout.split())
    # Five days of event time that begin within one day and end within another.
    assert shown.stdout.count("2026-12-") == 6
    assert "challenger: decline" in shown.stdout
    shown = run("compare", "ffff", settings=settings)
    assert shown.returncode == 1
    assert "no such challenger" in shown.stderr


def test_changes_add_up(history: tuple[str, History]) -> None:
    """Days add up to the whole; saved less lost is the difference of the costs; young transactions wait."""
    url, lived = history
    engine = open_engine(url)
    (contest,) = find_matchups(engine)
    pairs = load_pairs(engine, contest, since=0, until=contest.complete_ms, maturity_ms=10 * DAY_MS)
    costs = capped_costs(SETTINGS, 10_000)
    days = list(changes_by_day(pairs, costs))
    whole = change(pairs, costs, 0, 0)
    assert sum(day.transactions for day in days) == whole.transactions == len(pairs)
    assert len(pairs) == 40 * (FRAUDS + LEGITIMATE) - 1  # the watermark's own transaction is not complete
    for field in ("saved_minor", "lost_minor", "false_positives_removed", "frauds_gained", "frauds_lost", "waiting"):
        assert sum(getattr(day, field) for day in days) == pytest.approx(getattr(whole, field))
    fraud = pairs.fraud
    of = (
        costs.of(verdict, fraud, pairs.amount_minor) for verdict in (pairs.champion_verdict, pairs.challenger_verdict)
    )
    champion, challenger = (float(pairs.weight @ each) for each in of)
    assert whole.saved_minor - whole.lost_minor == pytest.approx(champion - challenger)
    assert np.sum(whole.flips) == len(pairs)
    assert whole.waiting > 0
    assert lived.clock.ms > contest.complete_ms

"""The demo's summary, which must fail if a transaction is lost, repeated or scored differently."""

import io
import re
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from rich.console import Console

from deploy.demo.collect import repeated
from deploy.demo.replay import _latency, _percentile
from deploy.demo.summary import SCORE_TOLERANCE, Summary, compare, show
from schemas.messages import Decision, ShadowScore, Verdict

PASSING = Summary(
    sent=4,
    decided=4,
    missing=0,
    repeated=0,
    dead_lettered=0,
    alerts=2,
    precision=0.5,
    recall=1.0,
    value_recall=1.0,
    frauds=1,
    champion="champion",
    challengers=[("logistic-regression", 0.9991, 52)],
    shadow_missing=0,
    score_difference=0.0,
    events_per_second=56_400.0,
    rate=2000.0,
    latency_ms={"p50": 7.8, "p99": 23.0, "p99.9": 41.5},
    warm_up_s=3.0,
    cold_p99_ms=120.0,
)


def decision(transaction: str, score: float, verdict: Verdict) -> Decision:
    """Return a decision on a transaction."""
    source = ("transactions", 0, int(transaction), 0, 0.0)
    model = ("fraud", "1", "0" * 64, "1", 1, "champion", 1.0)
    return Decision(f"t/0/{transaction}@1", transaction, "c", 0, score, 0.5, verdict, *model, (), *source)


def shadow_score(transaction: str, score: float, verdict: Verdict) -> ShadowScore:
    """Return a shadow score of a transaction."""
    return ShadowScore("d", transaction, "c", 0, score, 0.5, verdict, None, "fraud", "2", "0" * 64, 1, 0)


@pytest.fixture
def offline() -> pl.DataFrame:
    """Return four transactions, the first a fraud, with both models' offline scores."""
    return pl.DataFrame(
        {
            "transaction_id": ["0", "1", "2", "3"],
            "label": [1, 0, 0, 0],
            "amount_minor": [900, 100, 100, 100],
            "score_1": [0.9, 0.6, 0.1, 0.1],
            "score_2": [0.8, 0.1, 0.1, 0.1],
        }
    )


DECISIONS = [decision("0", 0.9, "decline"), decision("1", 0.6, "review"), decision("2", 0.1, "approve")]
SHADOW = [shadow_score("0", 0.8, "review"), shadow_score("1", 0.1, "approve"), shadow_score("2", 0.1, "approve")]


def test_precision_and_recall_use_the_labels(offline: pl.DataFrame) -> None:
    """With two alerts, one of them on the only fraud, precision is one half and recall is one."""
    figures, _, _ = compare(DECISIONS, SHADOW, offline, "1")
    assert figures == {"alerts": 2, "precision": 0.5, "recall": 1.0, "value_recall": 1.0, "frauds": 1}


def test_value_recall_is_a_share_of_the_amount_of_all_frauds(offline: pl.DataFrame) -> None:
    """A missed fraud adds to the total amount; a false alarm adds nothing."""
    labels = pl.Series("label", [1, 0, 1, 0])
    figures, _, _ = compare(DECISIONS, SHADOW, offline.with_columns(labels), "1")
    assert figures["value_recall"] == pytest.approx(0.9)


def test_a_challenger_is_compared_by_alerts(offline: pl.DataFrame) -> None:
    """The challenger agrees on two of three transactions: review and decline are both alerts, approve is not."""
    _, challengers, _ = compare(DECISIONS, SHADOW, offline, "1")
    ((version, agreement, flips),) = challengers
    assert (version, flips) == ("2", 1)
    assert agreement == pytest.approx(2 / 3)


@pytest.mark.parametrize("role", ["champion", "challenger"])
def test_the_largest_difference_covers_every_model(offline: pl.DataFrame, role: str) -> None:
    """A score that differs from the offline score is reported, whichever model the score comes from."""
    decisions, shadow = list(DECISIONS), list(SHADOW)
    if role == "champion":
        decisions[2] = decision("2", 0.3, "approve")
    else:
        shadow[2] = shadow_score("2", 0.3, "approve")
    _, _, difference = compare(decisions, shadow, offline, "1")
    assert difference == pytest.approx(0.2)


def test_each_repeat_counts() -> None:
    """Three decisions on one transaction count as two repeats."""
    assert repeated([*DECISIONS, DECISIONS[0], DECISIONS[0]]) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"missing": 1},
        {"repeated": 1},
        {"dead_lettered": 1},
        {"shadow_missing": 1},
        {"score_difference": 2 * SCORE_TOLERANCE},
    ],
)
def test_the_demo_fails_when_anything_is_lost_repeated_or_different(fault: dict[str, Any]) -> None:
    """Any single lost, repeated or different decision makes the demo's exit code non-zero."""
    assert PASSING.passed
    assert not replace(PASSING, **fault).passed


def _shown(summary: Summary) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    show(summary, console)
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_each_figure_is_explained_in_one_line() -> None:
    """At 80 columns, each figure has a line of its own: its name, its value and what it means."""
    lines = _shown(PASSING)
    figures = [re.split(r"\s{2,}", line) for line in lines if "  " in line]
    names = [figure[0] for figure in figures]
    assert {"decisions", "missing", "recall", "throughput", "latency p99", "first 3 s, p99"} <= set(names)
    assert [figure for figure in figures if len(figure) != 3] == []
    assert len(names) == len(set(names))
    assert "Passed" in lines[-1]


def test_the_last_line_says_that_the_demo_failed() -> None:
    """A summary with a missing decision ends with the failure."""
    assert "Failed" in _shown(replace(PASSING, missing=1))[-1]


def test_latency_is_in_order_of_sending() -> None:
    """Decisions that arrive out of order are matched with their transactions; a missing one has no latency."""
    decided = [
        msgspec.structs.replace(DECISIONS[0], transaction_id="steady-2"),
        msgspec.structs.replace(DECISIONS[1], transaction_id="steady-0"),
    ]
    sent_ns = np.array([0, 1_000_000, 2_000_000])
    latency = _latency(decided, [7_000_000, 3_000_000], sent_ns)
    np.testing.assert_array_equal(latency, [3.0, np.nan, 5.0])
    assert _percentile(latency, 50) == 4.0
    assert np.isnan(_percentile(latency[1:2], 50))

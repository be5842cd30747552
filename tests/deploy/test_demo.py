"""The demo's summary, which must fail if a transaction is lost, repeated or scored differently."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from deploy.demo.collect import repeated
from deploy.demo.summary import SCORE_TOLERANCE, Summary, compare
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
    challengers=[],
    shadow_missing=0,
    score_difference=0.0,
    events_per_second=1.0,
    latency_ms={},
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

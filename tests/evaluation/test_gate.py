"""The gate: its verdicts, their reasons, and the guardrails."""

from typing import Any

import msgspec
import numpy as np
import pytest

from stream.evaluation.evidence import Evidence
from stream.evaluation.gate import evaluate_gate
from stream.evaluation.guardrails import ServingHealth, guardrails
from tests.evaluation.sample_evidence import HEALTHY, PLAN, evidence

BETTER = {"challenger_cost_minor": 4500.0, "challenger_caught": 8.0}


def cohorts(count: int, **fields: Any) -> list[Evidence]:
    """Return the evidence from cohorts that are all alike."""
    return [evidence(nth, **fields) for nth in range(count)]


def test_a_cheaper_challenger_whose_recall_holds_is_promoted() -> None:
    """A cheaper challenger without a loss of recall is promoted once there is enough evidence."""
    assert [evaluate_gate(PLAN, cohorts(count, **BETTER), HEALTHY).verdict for count in (5, 20)] == [
        "continue",
        "promote",
    ]
    result = evaluate_gate(PLAN, cohorts(20, **BETTER), HEALTHY)
    assert "cost less" in result.reason
    assert (result.cohorts, result.frauds, result.frauds_needed) == (20, 200, 0)
    assert result.cost_gain_minor == pytest.approx(0.5)
    assert result.recall_gain == pytest.approx(0.1)
    low, high = result.cost_gain_interval
    assert 0 < low < 0.5 < high


def test_the_estimate_of_needed_frauds_is_close() -> None:
    """If the evidence is steady, the estimate made after six cohorts is off by at most two cohorts."""
    needed = evaluate_gate(PLAN, cohorts(6, **BETTER), HEALTHY).frauds_needed
    assert needed is not None
    shown_after = next(
        count for count in range(1, 40) if evaluate_gate(PLAN, cohorts(count, **BETTER), HEALTHY).cost.shown
    )
    assert abs(6 + needed / 10 - shown_after) <= 2


@pytest.mark.parametrize(
    ("count", "fields", "verdict", "reason"),
    [
        pytest.param(0, {}, "continue", "nothing suggests", id="no evidence"),
        pytest.param(20, {}, "continue", "cost: nothing suggests a better", id="no difference"),
        pytest.param(300, {}, "keep", "3000 matured frauds reach the horizon of 3000, and the", id="horizon"),
        pytest.param(40, {"challenger_cost_minor": 5500.0}, "keep", "cost no less", id="more expensive"),
        pytest.param(
            40, BETTER | {"challenger_caught": 6.0}, "keep", "lower by 0.02 or more", id="cheaper, but lower recall"
        ),
        pytest.param(
            40, {"challenger_caught": 8.0}, "continue", "cost: nothing suggests", id="higher recall, but not cheaper"
        ),
        pytest.param(
            14, BETTER | {"challenger_caught": 7.1}, "continue", "recall: about", id="cheaper, recall not shown yet"
        ),
        pytest.param(
            40, BETTER | {"challenger_alerts": 40}, "continue", "alert rate: 2 times", id="better, but too many alerts"
        ),
        pytest.param(
            300,
            BETTER | {"challenger_alerts": 40},
            "keep",
            "alert rate: 2 times",
            id="too many alerts up to the horizon",
        ),
        pytest.param(
            20, BETTER | {"frauds": 1}, "continue", "labels: 20 matured frauds", id="better, but too few frauds"
        ),
    ],
)
def test_verdicts_and_their_reasons(count: int, fields: dict[str, Any], verdict: str, reason: str) -> None:
    """The gate gives the expected verdict, with a one-line reason."""
    result = evaluate_gate(PLAN, cohorts(count, **fields), HEALTHY)
    assert result.verdict == verdict
    assert reason in result.reason
    assert "\n" not in result.reason


def test_what_was_shown_stays_shown() -> None:
    """A challenger once shown to be cheaper stays so even if the capital falls, because the highest capital counts."""
    worse = [evidence(nth, challenger_cost_minor=5500.0, challenger_caught=8.0) for nth in range(20, 24)]
    result = evaluate_gate(PLAN, [*cohorts(20, **BETTER), *worse], HEALTHY)
    assert result.cost.log_capital < result.cost.highest
    assert result.cost.shown


def test_a_disaster_delays_a_promotion() -> None:
    """A disastrous cohort delays promotion: the test clips its loss, but the guardrail on the unclipped gain fails."""
    disaster = evidence(20, challenger_cost_minor=1e6, challenger_caught=0.0)
    result = evaluate_gate(PLAN, [*cohorts(20, **BETTER), disaster], HEALTHY)
    assert result.cost.shown
    assert result.verdict == "continue"
    assert "unclipped gain" in result.reason


def test_one_cohort_alone_never_decides() -> None:
    """One cohort never decides alone, because its gain counts only up to the bound."""
    assert not evaluate_gate(PLAN, [evidence(0, challenger_cost_minor=-1e9)], HEALTHY).cost.shown


@pytest.mark.parametrize("order", [[1], [0, 0], [0, 2], [1, 0]])
def test_cohorts_that_are_not_consecutive_are_refused(order: list[int]) -> None:
    """Cohorts that are not consecutive are rejected, because omitting or repeating cohorts would bias the test."""
    with pytest.raises(ValueError, match="missing, repeated or out of order"):
        evaluate_gate(PLAN, [evidence(nth) for nth in order], HEALTHY)


@pytest.mark.parametrize(
    ("name", "fields", "health"),
    [
        ("labels", {"frauds": 4}, HEALTHY),
        ("unclipped gain", {"challenger_cost_minor": 5000.5}, HEALTHY),
        ("alert rate", {"challenger_alerts": 23}, HEALTHY),
        ("alert rate", {"champion_alerts": 0}, HEALTHY),
        ("latency", {}, ServingHealth(latency_p99_ms=20.1, parity_gap=0.0)),
        ("latency", {}, ServingHealth(latency_p99_ms=np.nan, parity_gap=0.0)),
        ("calibration", {"expected_frauds": 20.5}, HEALTHY),
        ("calibration", {"expected_frauds": 4.9}, HEALTHY),
        ("calibration", {"expected_frauds": 0.0}, HEALTHY),
        ("calibration", {"scored_frauds": 0.0}, HEALTHY),
        ("parity", {}, ServingHealth(latency_p99_ms=1.0, parity_gap=1e-4)),
        ("missing scores", {"missing": 11}, HEALTHY),
        ("undecided", {"undecided": 2}, HEALTHY),
    ],
)
def test_each_guardrail_can_fail(name: str, fields: dict[str, Any], health: ServingHealth) -> None:
    """Each guardrail can fail on its own, and a guardrail whose value is undefined counts as not met."""
    rails = guardrails(PLAN, cohorts(20, **fields), health)
    assert [rail.name for rail in rails if not rail.holds] == [name]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"challenger_alerts": 22},
        {"expected_frauds": 20.0},
        {"expected_frauds": 5.0},
        {"missing": 10},
        {"undecided": 1},
        {"differing": 0},
    ],
)
def test_a_guardrail_holds_up_to_its_limit(fields: dict[str, Any]) -> None:
    """A guardrail whose value is exactly at the limit is met."""
    assert all(rail.holds for rail in guardrails(PLAN, cohorts(20, **fields), ServingHealth(20.0, 1e-5)))


def test_cohorts_that_predict_each_other_fail_a_guardrail() -> None:
    """The independence guardrail fails for runs of ten good and ten bad days, and for fewer than 14 cohorts."""
    runs = [evidence(nth, challenger_cost_minor=4500.0 if nth // 10 % 2 else 5400.0) for nth in range(40)]
    for judged, detail in ((runs, "times the variance"), (cohorts(13), "nan times")):
        (failing,) = (rail for rail in guardrails(PLAN, judged, HEALTHY) if not rail.holds)
        assert failing.name == "independence"
        assert detail in failing.detail


def test_a_result_without_evidence_survives_json() -> None:
    """A result without evidence survives JSON, in which undefined values become null."""
    written = msgspec.json.decode(msgspec.json.encode(evaluate_gate(PLAN, [], HEALTHY)))
    assert (written["cost_gain_minor"], written["recall_gain"]) == (None, None)

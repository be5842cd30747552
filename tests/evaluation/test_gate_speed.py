"""The speed of the gate: how long one evaluation takes."""

import time

import numpy as np
import pytest

from stream.evaluation.cohorts import DAY_MS, closed_cohorts
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import evaluate_gate
from stream.evaluation.outcome import LabelColumns, outcomes
from tests.evaluation.simulation import HEALTHY, STARTS_MS, World, evidence_of, simulate_history


@pytest.mark.slow
def test_a_million_rows_are_evaluated_within_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    """The gate reaches a verdict on a million pairs within a second.

    The pairs span 22 weeks, 8 of them before the test. Resolving their outcomes is timed separately.
    """
    world = World(frauds=5000, legitimate_per_fraud=199)
    history = simulate_history(world, np.random.default_rng(5))
    plan, _ = evidence_of(world, history)
    frauds = np.flatnonzero(history.pairs.fraud)
    labels = LabelColumns(
        transaction=frauds,
        source=np.zeros(len(frauds), dtype=np.int8),
        event_time_ms=history.known_at_ms[frauds],
        label_id=np.array([f"label-{number}" for number in range(len(frauds))], dtype=np.object_),
        fraud=np.ones(len(frauds), dtype=np.int8),
    )
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        resolved = outcomes(
            history.pairs.champion_verdict,
            history.pairs.event_time_ms,
            labels,
            watermark_ms=300 * DAY_MS,
            maturity_ms=plan.timing.maturity_ms,
        )
        gate_started = time.perf_counter()
        cohorts = closed_cohorts(history.pairs, plan.timing, from_ms=STARTS_MS, watermark_ms=300 * DAY_MS)
        evaluate_gate(plan, [take_evidence(plan.measure, cohort) for cohort in cohorts], HEALTHY)
        seconds.append((time.perf_counter() - gate_started, gate_started - started))
        assert (resolved == 1).sum() == len(frauds)
    gate_s, outcomes_s = min(seconds)
    with capsys.disabled():
        print(f"\n{len(history.pairs):,} rows: gate {gate_s:.2f} s, outcomes {outcomes_s:.2f} s")  # noqa: T201
    assert gate_s <= 1

"""How long a look takes."""

import time

import numpy as np
import pytest

from stream.evaluation.cohorts import DAY_MS, closed_cohorts
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import evaluate_gate
from stream.evaluation.outcome import LabelColumns, outcomes
from tests.evaluation.simulation import OBSERVED, STARTS_MS, World, evidence_of, play


@pytest.mark.slow
def test_a_million_rows_are_judged_within_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    """From pairs to the verdict, over 22 weeks of which 8 come before the test; outcomes by labels besides."""
    world = World(frauds=5000, legitimate_per_fraud=199)
    run = play(world, np.random.default_rng(5))
    plan, _ = evidence_of(world, run)
    frauds = np.flatnonzero(run.pairs.fraud)
    labels = LabelColumns(
        transaction=frauds,
        source=np.zeros(len(frauds), dtype=np.int8),
        event_time_ms=run.known_at_ms[frauds],
        label_id=np.array([f"label-{number}" for number in range(len(frauds))], dtype=np.object_),
        fraud=np.ones(len(frauds), dtype=np.int8),
    )
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        known = outcomes(
            run.pairs.champion_verdict,
            run.pairs.event_time_ms,
            labels,
            watermark_ms=300 * DAY_MS,
            maturity_ms=plan.timing.maturity_ms,
        )
        judged_from = time.perf_counter()
        cohorts = closed_cohorts(run.pairs, plan.timing, from_ms=STARTS_MS, watermark_ms=300 * DAY_MS)
        evaluate_gate(plan, [take_evidence(plan.measure, cohort) for cohort in cohorts], OBSERVED)
        seconds.append((time.perf_counter() - judged_from, judged_from - started))
        assert (known == 1).sum() == len(frauds)
    gate, of_labels = min(seconds)
    with capsys.disabled():
        print(f"\n{len(run.pairs):,} rows: gate {gate:.2f} s, outcomes {of_labels:.2f} s")  # noqa: T201
    assert gate <= 1

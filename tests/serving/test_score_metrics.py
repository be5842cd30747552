"""Metrics of each model's scores and verdicts, as Prometheus reads them."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from stream.scoring.model import Roles
from stream.scoring.score_counts import SCORE_EDGES
from stream.serving.score_metrics import ScoreMetrics
from tests.scoring.fake_model import (
    SCORING_TIME,
    assign_roles,
    fake_model,
    features,
    raw_batch,
    scorer_for,
    transaction,
)

CHAMPION = {"role": "champion", "name": "fraud", "version": "1", "policy": "p1"}
CHALLENGER = {"role": "challenger", "name": "fraud", "version": "2", "policy": "p1"}
VALUES = [transaction(features(number % 7 - 3.0), number) for number in range(210)]


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return a registry for one test."""
    return CollectorRegistry()


def roles() -> Roles:
    """Return a champion and a challenger."""
    return Roles(1, *assign_roles(fake_model(), fake_model(version="2")))


def verdicts_of(registry: CollectorRegistry, model: dict[str, str]) -> dict[str, float | None]:
    """Return a model's verdicts."""
    verdicts = ("approve", "review", "decline", "none")
    return {each: registry.get_sample_value("model_verdicts_total", {**model, "verdict": each}) for each in verdicts}


def test_verdicts_and_scores_add_up_over_batches(registry: CollectorRegistry) -> None:
    """The counts equal the number of decisions, and the cumulative histogram contains each score once."""
    metrics, in_role = ScoreMetrics(registry), roles()
    batch = scorer_for(in_role).score(raw_batch(VALUES), SCORING_TIME)
    assert batch.score_counts is not None
    metrics.add(batch.score_counts)
    metrics.add(batch.score_counts)
    verdicts = [decision.verdict for decision in batch.decisions]
    expected = {each: 2 * verdicts.count(each) for each in ("approve", "review", "decline")}
    assert verdicts_of(registry, CHAMPION) == {**expected, "none": 0}
    scores = np.array([decision.score for decision in batch.decisions])
    for edge in (0, 15, 24, 30):
        bound = SCORE_EDGES[edge]
        shown = registry.get_sample_value("model_score_bucket", {**CHAMPION, "le": repr(bound)})
        assert shown == 2 * int((scores < bound).sum())
    assert registry.get_sample_value("model_score_bucket", {**CHAMPION, "le": "+Inf"}) == 2 * len(scores)


def test_a_model_without_a_role_has_no_series(registry: CollectorRegistry) -> None:
    """The series of a model that loses its role vanish; a model that keeps its role keeps its counts."""
    metrics, in_role = ScoreMetrics(registry), roles()
    for each in (in_role, replace(in_role, epoch=2, challengers=())):
        batch = scorer_for(each).score(raw_batch(VALUES), SCORING_TIME)
        assert batch.score_counts is not None
        metrics.add(batch.score_counts)
    assert sum(value or 0 for value in verdicts_of(registry, CHAMPION).values()) == 2 * len(VALUES)
    assert set(verdicts_of(registry, CHALLENGER).values()) == {None}

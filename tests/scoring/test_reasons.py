"""Reasons: what the score loses when a feature is replaced by its reference median."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest import Feature
from schemas.messages import Decision
from stream.scoring.features import Matrix
from stream.scoring.reasons import CHUNK, explain
from tests.scoring.stand_in import (
    AMOUNT,
    MOMENT,
    StandIn,
    digits,
    failing_where,
    features,
    incoming,
    scorer,
    stand_in,
    transaction,
)

VALUE = st.sampled_from([-2.0, -0.5, 0.5, 2.0])
ROWS = st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=20)


def decided(rows: list[tuple[float, float, float]], max_reasons: int = 5) -> list[Decision]:
    """Decide transactions with these features."""
    values = [transaction(features(*row), number) for number, row in enumerate(rows)]
    return scorer(stand_in(), max_reasons=max_reasons).score(incoming(values), MOMENT).decisions


def fall(model: StandIn, row: tuple[float, float, float], name: str) -> float:
    """Return what the score loses with the median of one feature in place, by scoring twice."""
    vector = np.array([[row[0], 250, row[1], row[2]]], dtype=np.float32)
    without = vector.copy()
    column = model.plan.names.index(name)
    without[0, column] = model.plan.medians[column]
    return float(digits(vector)[0]) - float(digits(without)[0])


@given(ROWS)
def test_a_contribution_is_what_the_score_loses_without_the_feature(rows: list[tuple[float, float, float]]) -> None:
    """For each reason, by scoring the transaction again with that median in place."""
    for row, decision in zip(rows, decided(rows), strict=True):
        for reason in decision.reasons:
            assert reason.contribution == fall(stand_in(), row, reason.feature)


@given(ROWS, st.integers(0, 5))
def test_the_strongest_are_named_and_none_that_do_not_push_up(
    rows: list[tuple[float, float, float]], most: int
) -> None:
    """Sorted, positive, at most so many, and each one left out is no stronger than the last one named."""
    model = stand_in()
    for row, decision in zip(rows, decided(rows, most), strict=True):
        named = [reason.contribution for reason in decision.reasons]
        falls = sorted((fall(model, row, name) for name in model.plan.names), reverse=True)
        expected = [each for each in falls if each > 0][:most] if decision.verdict != "approve" else []
        assert named == expected


@given(ROWS)
def test_only_alerts_have_reasons(rows: list[tuple[float, float, float]]) -> None:
    """An approved transaction needs none."""
    for decision in decided(rows):
        assert bool(decision.reasons) <= (decision.verdict != "approve")


def test_equal_contributions_stand_in_manifest_order() -> None:
    """So that a replay names them in the same order."""
    names = ("b", "a", "c")
    alike = stand_in(
        [*(Feature(name, 0.0) for name in names), AMOUNT],
        rule=lambda matrix: np.asarray((matrix[:, :3] > 1).sum(axis=1) / 4, dtype=np.float32),
    )
    matrix = np.array([[2, 2, 2, 1000]], dtype=np.float32)
    (reasons,) = explain(alike, matrix, alike.score(matrix), 5)
    assert [reason.feature for reason in reasons] == list(names)


def test_more_alerts_than_one_chunk_are_explained_as_each_alone() -> None:
    """Chunks bound memory and change nothing."""
    model = stand_in()
    matrix = np.random.default_rng(0).normal(scale=2, size=(2 * CHUNK + 1, 4)).astype(np.float32)
    scores = digits(matrix)
    together = explain(model, matrix, scores, 5)
    assert together == [explain(model, matrix[i : i + 1], scores[i : i + 1], 5)[0] for i in range(len(matrix))]


@pytest.mark.parametrize("failure", [None, float("nan"), -0.5])
def test_a_median_that_the_model_cannot_score_gives_no_reason(failure: float | None) -> None:
    """The decision stands, and so do the other reasons."""

    def median_in_v1(matrix: Matrix) -> Any:
        return matrix[:, 0] == 0.25

    model = stand_in(rule=failing_where(median_in_v1, failure))
    batch = incoming([transaction(features(2, 2, 2))])
    (decision,) = scorer(model).score(batch, MOMENT).decisions
    assert decision.verdict == "decline"
    assert [reason.feature for reason in decision.reasons] == ["V2", "V3"]

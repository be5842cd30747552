"""Reasons: how much the score falls when a feature is replaced with its reference median."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest import Feature, FeatureKind
from schemas.messages import Decision, Reason
from stream.scoring.features import Matrix
from stream.scoring.reasons import CHUNK, explain
from tests.scoring.fake_model import (
    AMOUNT,
    COUNTRY,
    SCORING_TIME,
    FakeModel,
    digits,
    failing_where,
    fake_model,
    features,
    raw_batch,
    scorer,
    transaction,
)

VALUE = st.sampled_from([-2.0, -0.5, 0.5, 2.0])
ROWS = st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=20)


def decisions_of(rows: list[tuple[float, float, float]], max_reasons: int = 5) -> list[Decision]:
    """Return the decisions on transactions with the given features."""
    values = [transaction(features(*row), number) for number, row in enumerate(rows)]
    return scorer(fake_model(), max_reasons=max_reasons).score(raw_batch(values), SCORING_TIME).decisions


def fall(model: FakeModel, row: tuple[float, float, float], name: str) -> float:
    """Return how much the score falls when a feature is set to its median, found by scoring twice."""
    vector = np.array([[row[0], 250, row[1], row[2]]], dtype=np.float32)
    without = vector.copy()
    column = model.plan.names.index(name)
    without[0, column] = model.plan.medians[column]
    return float(digits(vector)[0]) - float(digits(without)[0])


@given(ROWS)
def test_a_contribution_is_the_fall_of_the_score_without_the_feature(rows: list[tuple[float, float, float]]) -> None:
    """A reason's contribution is how much the score falls when the transaction is scored with the median instead."""
    for row, decision in zip(rows, decisions_of(rows), strict=True):
        for reason in decision.reasons:
            assert reason.contribution == fall(fake_model(), row, reason.feature)


@given(ROWS, st.integers(0, 5))
def test_the_strongest_positive_contributions_are_named(
    rows: list[tuple[float, float, float]], max_reasons: int
) -> None:
    """Reasons are sorted and limited in number, and no omitted feature contributes more than a named feature."""
    model = fake_model()
    for row, decision in zip(rows, decisions_of(rows, max_reasons), strict=True):
        named = [reason.contribution for reason in decision.reasons]
        falls = sorted((fall(model, row, name) for name in model.plan.names), reverse=True)
        expected = [each for each in falls if each > 0][:max_reasons] if decision.verdict != "approve" else []
        assert named == expected


@given(ROWS)
def test_only_alerts_have_reasons(rows: list[tuple[float, float, float]]) -> None:
    """Only alerts have reasons; an approved transaction has none."""
    for decision in decisions_of(rows):
        assert bool(decision.reasons) <= (decision.verdict != "approve")


def test_equal_contributions_are_in_manifest_order() -> None:
    """Features with equal contributions are in manifest order, so a replay gives the same order."""
    names = ("b", "a", "c")
    symmetric = fake_model(
        [*(Feature(name, 0.0) for name in names), AMOUNT],
        rule=lambda matrix: np.asarray((matrix[:, :3] > 1).sum(axis=1) / 4, dtype=np.float32),
    )
    matrix = np.array([[2, 2, 2, 1000]], dtype=np.float32)
    (reasons,) = explain(symmetric, matrix, symmetric.score(matrix), 5)
    assert [reason.feature for reason in reasons] == list(names)


def test_a_category_is_replaced_by_the_most_frequent_one() -> None:
    """An unknown category is replaced too; the most frequent category contributes nothing."""
    model = fake_model([COUNTRY, Feature("V1", 0.0)])
    matrix = np.array([[2, 0], [3, 0], [0, 2]], dtype=np.float32)
    explained = explain(model, matrix, model.score(matrix), 5)
    assert [[reason.feature for reason in reasons] for reasons in explained] == [["country"], ["country"], ["V1"]]
    assert explained[0][0].contribution == 2 / 4  # from level 3 to the most frequent category's level 1


@pytest.mark.parametrize(
    ("pair", "medians", "row"),
    [
        pytest.param(("amount_minor", "log_amount"), (0.0, 0.0), [2, 2], id="amount"),
        pytest.param(("hour_sin", "hour_cos"), (-0.5, -0.5), [0.5, 0.5], id="hour"),
    ],
)
def test_features_derived_from_one_field_are_replaced_together(
    pair: tuple[FeatureKind, FeatureKind], medians: tuple[float, float], row: list[float]
) -> None:
    """If either of two derived features alone causes an alert, there is one reason, named after the first feature."""
    one, other = (Feature(kind, median, kind) for kind, median in zip(pair, medians, strict=True))
    either = fake_model(
        [one, Feature("V1", 0.0), other],
        rule=lambda matrix: np.asarray(np.where(matrix[:, [0, 2]].max(axis=1) > 0, 0.75, 0.25), dtype=np.float32),
    )
    matrix = np.array([[row[0], 9, row[1]]], dtype=np.float32)
    assert explain(either, matrix, either.score(matrix), 5) == [(Reason(pair[0], 0.5),)]


def test_chunks_do_not_change_explanations() -> None:
    """More alerts than fit in one chunk are explained as each would be alone."""
    model = fake_model()
    matrix = np.random.default_rng(0).normal(scale=2, size=(2 * CHUNK + 1, 4)).astype(np.float32)
    scores = digits(matrix)
    together = explain(model, matrix, scores, 5)
    assert together == [explain(model, matrix[i : i + 1], scores[i : i + 1], 5)[0] for i in range(len(matrix))]


@pytest.mark.parametrize("failure", [None, float("nan"), -0.5])
def test_a_replacement_that_the_model_cannot_score_gives_no_reason(failure: float | None) -> None:
    """A replacement that the model cannot score gives no reason and affects nothing else."""

    def median_in_v1(matrix: Matrix) -> Any:
        return matrix[:, 0] == 0.25

    model = fake_model(rule=failing_where(median_in_v1, failure))
    batch = raw_batch([transaction(features(2, 2, 2))])
    (decision,) = scorer(model).score(batch, SCORING_TIME).decisions
    assert decision.verdict == "decline"
    assert [reason.feature for reason in decision.reasons] == ["V2", "V3"]

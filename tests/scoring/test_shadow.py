"""Challengers in shadow mode: they score as they would alone, and their problems affect no other model."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest import Feature, MissingPolicy
from schemas.messages import Policy, ShadowScore
from stream.scoring.scorer import ScoredBatch
from tests.scoring.fake_model import (
    AMOUNT,
    COUNTRY,
    FEATURES,
    POLICY,
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

W1, W2 = Feature("W1", 0.75), Feature("W2", -0.75)
POISON = 666.0
BY_LOSS = Policy("p1", review=0.0, decline=0.75, kind="expected_loss", review_cost_minor=300)
VALUE = st.none() | st.sampled_from([-2.0, -0.5, 0.5, 2.0])
STRING = st.none() | st.sampled_from(["FR", "BE", "LU", "7"])
#: Features for challengers: the champion's with other medians, and features that the champion does not have.
POOL = (
    *(msgspec.structs.replace(each, median=-each.median) for each in FEATURES),
    W1,
    W2,
    Feature("log_amount", 5.0, "log_amount"),
    Feature("hour_sin", 0.0, "hour_sin"),
    Feature("hour_cos", 0.0, "hour_cos"),
    Feature("country", 0, "categorical", ("BE", "FR")),
    Feature("channel", 0, "categorical", ("7",)),
)
MISSING: list[MissingPolicy] = ["refuse", "median", "nan"]


def score_in_shadow(
    values: Sequence[bytes | None], *challengers: FakeModel, champion: FakeModel | None = None
) -> ScoredBatch:
    """Score a batch with challengers in shadow mode, and check that they do not change decisions or rejections."""
    champion = champion or fake_model()
    scored = scorer(champion, *challengers).score(raw_batch(values), SCORING_TIME)
    alone = scorer(champion).score(raw_batch(values), SCORING_TIME)
    assert scored.decisions == alone.decisions
    assert scored.refusals == alone.refusals
    assert len(scored.shadow_scores) == len(challengers)
    return scored


def problems(scored: ScoredBatch) -> list[str | None]:
    """Return the only challenger's problems; each shadow score has a problem, or else a score and a verdict."""
    (records,) = scored.shadow_scores
    for record in records:
        assert (record.score is None) == (record.verdict is None) == (record.problem is not None)
    return [record.problem for record in records]


@given(
    st.permutations(POOL).flatmap(lambda pool: st.integers(1, len(pool)).map(lambda n: pool[:n])),
    st.sampled_from(MISSING),
    st.lists(
        st.fixed_dictionaries(
            dict.fromkeys(("V1", "V2", "V3", "W1", "W2"), VALUE) | dict.fromkeys(("country", "channel"), STRING)
        ),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from([POLICY, BY_LOSS]),
)
def test_a_challenger_scores_as_it_would_alone(
    chosen: list[Feature], missing: MissingPolicy, rows: list[dict[str, float | str | None]], policy: Policy
) -> None:
    """A challenger scores as it would alone, even if its features, medians, categories and policies differ."""
    values = [
        transaction(row, number, amount_minor=number * 250, event_time_ms=number * 5_000_000)
        for number, row in enumerate(rows)
    ]
    challenger = fake_model(chosen, missing, version="2", policy=policy)
    champion = fake_model([*FEATURES, COUNTRY])
    (records,) = score_in_shadow(values, challenger, champion=champion).shadow_scores
    alone = scorer(challenger).score(raw_batch(values), SCORING_TIME)
    refused = {refusal.index for refusal in alone.refusals}
    assert [index for index, record in enumerate(records) if record.problem] == sorted(refused)
    assert [(r.score, r.threshold, r.verdict) for r in records if not r.problem] == [
        (d.score, d.threshold, d.verdict) for d in alone.decisions
    ]


def test_every_field_of_a_shadow_score() -> None:
    """The shadow score names decision, transaction and model."""
    scored = score_in_shadow([transaction(features(0.5), 4)], fake_model([AMOUNT], version="2"))
    assert scored.shadow_scores == [
        [
            ShadowScore(
                decision_id=scored.decisions[0].decision_id,
                transaction_id="t-4",
                card_id="c-1",
                event_time_ms=1_378_000_000_004,
                score=0.75,
                threshold=0.5,
                verdict="decline",
                problem=None,
                model_name="fraud",
                model_version="2",
                bundle_sha256="2".rjust(64, "0"),
                role_epoch=7,
                scored_at_ms=SCORING_TIME.scored_at_ms,
                policy_version="p1",
            )
        ]
    ]


def test_challengers_do_not_score_what_the_champion_refuses() -> None:
    """Each challenger has exactly one shadow score for each decision."""
    values = [b"{", transaction(features(1), 1), transaction(features(1e39), 2), transaction(features(2), 3)]
    scored = score_in_shadow(values, fake_model(version="2"), fake_model([AMOUNT], version="3"))
    for records in scored.shadow_scores:
        assert [record.decision_id for record in records] == [each.decision_id for each in scored.decisions]


def test_a_missing_feature_is_named() -> None:
    """The problem names the missing feature, and transactions that have the feature are scored."""
    values = [transaction(features()), transaction(features(W1=1.5), 1)]
    assert problems(score_in_shadow(values, fake_model([W1], version="2"))) == ["feature W1 is missing", None]


@pytest.mark.parametrize(
    ("literal", "problem"),
    [
        pytest.param('"high"', "feature W1 is not a number", id="string"),
        pytest.param("[1]", "feature W1 is not a number", id="list"),
        pytest.param("[" * 100 + "]" * 100, "feature W1 is not a number", id="deep list"),
        pytest.param('{"W1": 1}', "feature W1 is not a number", id="object"),
        pytest.param("true", "feature W1 is not a number", id="boolean"),
        pytest.param("1e400", "feature W1 is not a number", id="too large for a double"),
        pytest.param("1" * 400, "feature W1 is not a number", id="integer too large for a double"),
        pytest.param("1e39", "feature W1 is not finite", id="too large for a float32"),
        pytest.param("null", "feature W1 is null", id="null"),
        pytest.param("7", None, id="integer"),
        pytest.param("-0.0", None, id="minus zero"),
    ],
)
def test_a_bad_number_for_a_challenger_does_not_disturb_the_champion(literal: str, problem: str | None) -> None:
    """A bad number gives only the challenger a problem; the next transaction is scored by both models."""
    raw = transaction(features(W1="here")).replace(b'"here"', literal.encode())
    values = [raw, transaction(features(W1=0), 1)]
    assert problems(score_in_shadow(values, fake_model([W1], "refuse", version="2"))) == [problem, None]


@pytest.mark.parametrize(
    ("literal", "problem"),
    [
        pytest.param('"FR"', None, id="known"),
        pytest.param('"LU"', None, id="unknown"),
        pytest.param("null", "feature country is null", id="null"),
        pytest.param("7", "feature country is not a string", id="number"),
        pytest.param("true", "feature country is not a string", id="boolean"),
        pytest.param('["FR"]', "feature country is not a string", id="list"),
    ],
)
def test_a_bad_string_for_a_challenger_does_not_disturb_the_champion(literal: str, problem: str | None) -> None:
    """A bad string gives only the challenger a problem; the next transaction is scored by both models."""
    raw = transaction(features(country="here")).replace(b'"here"', literal.encode())
    values = [raw, transaction(features(country="BE"), 1), transaction(features(), 2)]
    challenger = fake_model([COUNTRY], "refuse", version="2")
    assert problems(score_in_shadow(values, challenger)) == [problem, None, "feature country is missing"]


@pytest.mark.parametrize(
    ("champion_s", "challenger_s", "sent", "problem"),
    [
        (Feature("X", 0.0), Feature("X", 0, "categorical", ("a",)), 7, "feature X is not a string"),
        (Feature("X", 0, "categorical", ("a",)), Feature("X", 0.0), "a", "feature X is not a number"),
    ],
    ids=["number for the champion", "string for the champion"],
)
def test_a_feature_can_have_another_type_for_a_challenger(
    champion_s: Feature, challenger_s: Feature, sent: Any, problem: str
) -> None:
    """A value of the champion's type gives only the challenger a problem; a null is accepted by both models."""
    values = [transaction({"X": sent}), transaction({"X": None}, 1)]
    challenger = fake_model([challenger_s], "median", version="2")
    assert problems(score_in_shadow(values, challenger, champion=fake_model([champion_s]))) == [problem, None]


def test_bad_utf8_in_a_challenger_s_feature_does_not_disturb_the_champion() -> None:
    """The codec does not decode the value, so only the challenger has a problem."""
    raw = transaction(features(W1="here")).replace(b"here", b"\xff")
    assert problems(score_in_shadow([raw], fake_model([W1], version="2"))) == ["feature W1 is not a number"]


def test_the_first_problem_is_named() -> None:
    """If a challenger has several problems, its shadow score names the first problem in one line."""
    challenger = fake_model([W2, W1], version="2")
    assert problems(score_in_shadow([transaction(features(W1="x"))], challenger)) == ["feature W2 is missing"]


def test_a_challenger_may_refuse_a_null_that_the_champion_accepts() -> None:
    """Each model follows its own policy for missing values."""
    values = [transaction(features(v2=None)), transaction(features(), 1)]
    assert problems(score_in_shadow(values, fake_model(missing="refuse", version="2"))) == ["feature V2 is null", None]


@pytest.mark.parametrize("failure", [None, float("nan"), -0.5, 2.0])
def test_rows_that_a_challenger_cannot_score_have_a_problem(failure: float | None) -> None:
    """Rows that a challenger cannot score have a problem, and the other rows have scores."""
    failing = fake_model(version="2", rule=failing_where(lambda matrix: np.asarray(matrix[:, 0] == POISON), failure))
    values = [transaction(features(v1), i) for i, v1 in enumerate([1, POISON, 2])]
    assert problems(score_in_shadow(values, failing)) == [None, "the model gives no score for this transaction", None]


def test_a_challenger_that_returns_too_few_scores_is_isolated() -> None:
    """A challenger that returns too few scores is run again row by row, and the champion is not affected."""
    short = fake_model(version="2", rule=lambda matrix: digits(matrix)[:2])
    values = [transaction(features(i), i) for i in range(5)]
    assert problems(score_in_shadow(values, short)) == [None] * 5
    empty = fake_model(version="2", rule=lambda matrix: digits(matrix)[:0])
    assert problems(score_in_shadow(values, empty)) == ["the model gives no score for this transaction"] * 5


@pytest.mark.parametrize("failure", [None, float("nan")])
def test_a_challenger_at_fault_has_no_scores(failure: float | None) -> None:
    """Each shadow score of a challenger at fault names the fault; the other models are not affected."""
    broken = fake_model(
        version="2",
        parity_holds=False,
        rule=failing_where(lambda matrix: np.ones(len(matrix), dtype=np.bool_), failure),
    )
    working = fake_model(version="3")
    faulty, fine = score_in_shadow([transaction(features(i), i) for i in range(3)], broken, working).shadow_scores
    assert [record.problem for record in faulty] == ["model fails on its parity rows"] * 3
    assert [record.problem for record in fine] == [None] * 3


def test_features_of_one_name_may_have_different_sources() -> None:
    """The champion derives the feature from the amount; the challenger reads a numeric feature of the same name."""
    challenger = fake_model([msgspec.structs.replace(f, kind="numeric") for f in FEATURES], version="2")
    values = [transaction(features(Amount=-5.0)), transaction(features(Amount=5.0), 1)]
    low, high = score_in_shadow(values, challenger).shadow_scores[0]
    assert low.score is not None
    assert high.score is not None
    assert high.score - low.score == 3 / 16


def test_a_challenger_with_the_champion_s_features_shares_its_matrix() -> None:
    """A challenger with the champion's features uses the champion's matrix instead of a copy."""
    inputs: list[Any] = []

    def record(matrix: Any) -> Any:
        inputs.append(matrix)
        return np.zeros(len(matrix), dtype=np.float32)

    scorer(fake_model(rule=record), fake_model(version="2", rule=record)).score(
        raw_batch([transaction(features(i), i) for i in range(3)]), SCORING_TIME
    )
    assert len(inputs) == 2
    np.testing.assert_array_equal(*inputs)


@pytest.mark.parametrize(
    ("categories", "score"),
    [
        pytest.param(("FR", "BE", "DE"), 0.75, id="the same categories"),
        pytest.param(("DE", "FR", "BE"), 0.25, id="another order"),
        pytest.param(("FR",), 0.5, id="fewer"),
    ],
)
def test_a_challenger_with_other_categories_uses_its_own_codes(categories: tuple[str, ...], score: float) -> None:
    """A challenger with other categories uses its own codes, not the champion's."""
    challenger = fake_model([msgspec.structs.replace(COUNTRY, categories=categories)], version="2")
    scored = score_in_shadow([transaction({"country": "DE"})], challenger, champion=fake_model([COUNTRY]))
    assert [decision.score for decision in scored.decisions] == [0.75]
    assert [record.score for record in scored.shadow_scores[0]] == [score]


def test_a_batch_without_usable_rows_is_not_a_fault() -> None:
    """If a challenger's feature is never sent, all of its shadow scores have a problem."""
    values = [transaction(features(), i) for i in range(3)]
    assert problems(score_in_shadow(values, fake_model([W1], version="2"))) == ["feature W1 is missing"] * 3

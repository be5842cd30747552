"""Challengers: they score as they would alone, and whatever ails them stays their own."""

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
#: For challengers: of what the champion reads with other medians, and of what it does not.
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


def watched(values: Sequence[bytes | None], *challengers: FakeModel, champion: FakeModel | None = None) -> ScoredBatch:
    """Score a batch with challengers watching; the decisions must be the champion's own."""
    champion = champion or fake_model()
    scored = scorer(champion, *challengers).score(raw_batch(values), SCORING_TIME)
    alone = scorer(champion).score(raw_batch(values), SCORING_TIME)
    assert scored.decisions == alone.decisions
    assert scored.refusals == alone.refusals
    assert len(scored.shadow_scores) == len(challengers)
    return scored


def problems(scored: ScoredBatch) -> list[str | None]:
    """Return the only challenger's problems; with one, there is neither score nor verdict."""
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
    taken: list[Feature], missing: MissingPolicy, rows: list[dict[str, float | str | None]], policy: Policy
) -> None:
    """With fewer features, other kinds, order, medians and categories, another policy on nulls and on verdicts."""
    values = [
        transaction(row, number, amount_minor=number * 250, event_time_ms=number * 5_000_000)
        for number, row in enumerate(rows)
    ]
    challenger = fake_model(taken, missing, version="2", policy=policy)
    deciding = fake_model([*FEATURES, COUNTRY])
    (records,) = watched(values, challenger, champion=deciding).shadow_scores
    alone = scorer(challenger).score(raw_batch(values), SCORING_TIME)
    refused = {refusal.index for refusal in alone.refusals}
    assert [place for place, record in enumerate(records) if record.problem] == sorted(refused)
    assert [(r.score, r.threshold, r.verdict) for r in records if not r.problem] == [
        (d.score, d.threshold, d.verdict) for d in alone.decisions
    ]


def test_a_record_says_who_watched_and_which_decision() -> None:
    """Every field of one shadow score."""
    scored = watched([transaction(features(0.5), 4)], fake_model([AMOUNT], version="2"))
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


def test_what_the_champion_refuses_no_challenger_scores() -> None:
    """Each challenger has one record for each decision."""
    values = [b"{", transaction(features(1), 1), transaction(features(1e39), 2), transaction(features(2), 3)]
    scored = watched(values, fake_model(version="2"), fake_model([AMOUNT], version="3"))
    for records in scored.shadow_scores:
        assert [record.decision_id for record in records] == [each.decision_id for each in scored.decisions]


def test_a_feature_that_is_lacking_is_named() -> None:
    """Where it is there, the challenger scores."""
    values = [transaction(features()), transaction(features(W1=1.5), 1)]
    assert problems(watched(values, fake_model([W1], version="2"))) == ["feature W1 is missing", None]


@pytest.mark.parametrize(
    ("literal", "problem"),
    [
        pytest.param('"high"', "feature W1 is not a number", id="string"),
        pytest.param("[1]", "feature W1 is not a number", id="list"),
        pytest.param("[" * 100 + "]" * 100, "feature W1 is not a number", id="deep list"),
        pytest.param('{"W1": 1}', "feature W1 is not a number", id="object"),
        pytest.param("true", "feature W1 is not a number", id="boolean"),
        pytest.param("1e400", "feature W1 is not a number", id="no double"),
        pytest.param("1" * 400, "feature W1 is not a number", id="no double, whole"),
        pytest.param("1e39", "feature W1 is not finite", id="no float32"),
        pytest.param("null", "feature W1 is null", id="null"),
        pytest.param("7", None, id="whole number"),
        pytest.param("-0.0", None, id="minus zero"),
    ],
)
def test_whatever_stands_in_a_challenger_s_feature_the_champion_decides(literal: str, problem: str | None) -> None:
    """Its record says what is wrong; the transaction beside it is scored."""
    raw = transaction(features(W1="here")).replace(b'"here"', literal.encode())
    values = [raw, transaction(features(W1=0), 1)]
    assert problems(watched(values, fake_model([W1], "refuse", version="2"))) == [problem, None]


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
def test_whatever_stands_in_a_challenger_s_string_the_champion_decides(literal: str, problem: str | None) -> None:
    """Its record says what is wrong; the transactions beside it are scored."""
    raw = transaction(features(country="here")).replace(b'"here"', literal.encode())
    values = [raw, transaction(features(country="BE"), 1), transaction(features(), 2)]
    challenger = fake_model([COUNTRY], "refuse", version="2")
    assert problems(watched(values, challenger)) == [problem, None, "feature country is missing"]


@pytest.mark.parametrize(
    ("deciding", "watching", "sent", "problem"),
    [
        (Feature("X", 0.0), Feature("X", 0, "categorical", ("a",)), 7, "feature X is not a string"),
        (Feature("X", 0, "categorical", ("a",)), Feature("X", 0.0), "a", "feature X is not a number"),
    ],
    ids=["a number for the champion", "a string for the champion"],
)
def test_a_challenger_that_reads_a_name_as_another_type_says_so(
    deciding: Feature, watching: Feature, sent: Any, problem: str
) -> None:
    """The champion's type is the one that is accepted; null is null for both."""
    values = [transaction({"X": sent}), transaction({"X": None}, 1)]
    challenger = fake_model([watching], "median", version="2")
    assert problems(watched(values, challenger, champion=fake_model([deciding]))) == [problem, None]


def test_bad_utf8_in_a_challenger_s_feature_is_its_own_problem() -> None:
    """The codec does not look into it for the champion."""
    raw = transaction(features(W1="here")).replace(b"here", b"\xff")
    assert problems(watched([raw], fake_model([W1], version="2"))) == ["feature W1 is not a number"]


def test_the_first_problem_is_the_one_named() -> None:
    """One line a record."""
    challenger = fake_model([W2, W1], version="2")
    assert problems(watched([transaction(features(W1="x"))], challenger)) == ["feature W2 is missing"]


def test_a_null_that_the_champion_takes_a_challenger_may_refuse() -> None:
    """Each follows its own policy."""
    values = [transaction(features(v2=None)), transaction(features(), 1)]
    assert problems(watched(values, fake_model(missing="refuse", version="2"))) == ["feature V2 is null", None]


@pytest.mark.parametrize("failure", [None, float("nan"), -0.5, 2.0])
def test_rows_that_a_challenger_cannot_score_say_so(failure: float | None) -> None:
    """The others have their scores."""
    failing = fake_model(version="2", rule=failing_where(lambda matrix: np.asarray(matrix[:, 0] == POISON), failure))
    values = [transaction(features(v1), i) for i, v1 in enumerate([1, POISON, 2])]
    assert problems(watched(values, failing)) == [None, "the model gives no score for this transaction", None]


def test_a_challenger_that_scores_too_few_rows_is_its_own_problem() -> None:
    """Whatever it gives for a whole batch, row by row it is well or not; the champion never notices."""
    short = fake_model(version="2", rule=lambda matrix: digits(matrix)[:2])
    values = [transaction(features(i), i) for i in range(5)]
    assert problems(watched(values, short)) == [None] * 5
    nothing = fake_model(version="2", rule=lambda matrix: digits(matrix)[:0])
    assert problems(watched(values, nothing)) == ["the model gives no score for this transaction"] * 5


@pytest.mark.parametrize("failure", [None, float("nan")])
def test_a_challenger_at_fault_watches_on_without_scores(failure: float | None) -> None:
    """Its fault stands in every record; the champion and the other challenger go on."""
    broken = fake_model(
        version="2",
        parity_holds=False,
        rule=failing_where(lambda matrix: np.ones(len(matrix), dtype=np.bool_), failure),
    )
    works = fake_model(version="3")
    faulty, fine = watched([transaction(features(i), i) for i in range(3)], broken, works).shadow_scores
    assert [record.problem for record in faulty] == ["model fails on its parity rows"] * 3
    assert [record.problem for record in fine] == [None] * 3


def test_a_feature_of_the_same_name_may_come_from_elsewhere() -> None:
    """The champion takes the transaction's own amount, the challenger a feature that is called the same."""
    challenger = fake_model([msgspec.structs.replace(f, kind="numeric") for f in FEATURES], version="2")
    values = [transaction(features(Amount=-5.0)), transaction(features(Amount=5.0), 1)]
    low, high = watched(values, challenger).shadow_scores[0]
    assert low.score is not None
    assert high.score is not None
    assert high.score - low.score == 3 / 16


def test_a_challenger_that_takes_what_the_champion_takes_shares_its_matrix() -> None:
    """The ordinary case costs no second matrix."""
    seen: list[Any] = []

    def remember(matrix: Any) -> Any:
        seen.append(matrix)
        return np.zeros(len(matrix), dtype=np.float32)

    scorer(fake_model(rule=remember), fake_model(version="2", rule=remember)).score(
        raw_batch([transaction(features(i), i) for i in range(3)]), SCORING_TIME
    )
    assert len(seen) == 2
    np.testing.assert_array_equal(*seen)


@pytest.mark.parametrize(
    ("categories", "score"),
    [
        pytest.param(("FR", "BE", "DE"), 0.75, id="the same categories"),
        pytest.param(("DE", "FR", "BE"), 0.25, id="in another order"),
        pytest.param(("FR",), 0.5, id="fewer"),
    ],
)
def test_a_challenger_with_other_categories_has_its_own_codes(categories: tuple[str, ...], score: float) -> None:
    """The champion's codes mean something else to it."""
    challenger = fake_model([msgspec.structs.replace(COUNTRY, categories=categories)], version="2")
    scored = watched([transaction({"country": "DE"})], challenger, champion=fake_model([COUNTRY]))
    assert [decision.score for decision in scored.decisions] == [0.75]
    assert [record.score for record in scored.shadow_scores[0]] == [score]


def test_no_usable_row_is_no_fault() -> None:
    """A challenger whose feature nobody sends yields records, not an error."""
    values = [transaction(features(), i) for i in range(3)]
    assert problems(watched(values, fake_model([W1], version="2"))) == ["feature W1 is missing"] * 3

"""The scorer: each message is decided or refused, once, and a decision's body depends on nothing around it."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DeadLetterReason, ModelFaultError
from schemas.manifest import Feature, MissingPolicy
from schemas.messages import Decision, Policy
from stream.scoring.features import Matrix
from stream.scoring.raw_batch import ScoringTime
from stream.scoring.scorer import Refusal, ScoredBatch
from tests.scoring.fake_model import (
    ALL_KINDS,
    COUNTRY,
    MAX_BYTES,
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

R = DeadLetterReason
#: A value of V1 that the model under test does not take.
POISON = 666.0
BAD: list[tuple[bytes | None, DeadLetterReason]] = [
    (None, R.EMPTY),
    (b"", R.EMPTY),
    (b" " * (MAX_BYTES + 1), R.TOO_LARGE),
    (b"\xff\xfe", R.NOT_UTF8),
    (b"{", R.NOT_JSON),
    (b"[]", R.WRONG_TYPE),
    (transaction(features(), amount_minor=-1), R.OUT_OF_RANGE),
    (transaction(features(), schema_version=2), R.SCHEMA_VERSION),
    (b'{"transaction_id": "1"}', R.MISSING_FIELD),
    (transaction({"V1": 0, "V2": 0}), R.MISSING_FEATURE),
    (transaction(features(v1="high")), R.WRONG_TYPE),  # type: ignore[arg-type]  # what a sender may do
    (transaction(features(v1=float("nan"))), R.NOT_FINITE),
    (transaction(features(v2=1e39)), R.NOT_FINITE),
    (transaction(features(v3=None)), R.NULL_FEATURE),
    (transaction(features(v1=POISON)), R.UNSCORABLE),
]
#: At least 10^4: a figure that could be part of a card's data.
MARK = 4_976_123.25


def is_poison(matrix: Matrix) -> Any:
    """Say which rows the model under test does not take."""
    return matrix[:, 0] == POISON


def champion(missing: MissingPolicy = "refuse", **options: Any) -> FakeModel:
    """Return a model that raises on poison and refuses nulls."""
    return fake_model(missing=missing, rule=failing_where(is_poison), **options)


VALUE = st.floats(-3, 3)
GOOD = st.builds(transaction, st.builds(features, VALUE, VALUE, VALUE), st.integers(0, 9))
MESSAGES = st.lists(st.tuples(GOOD, st.none()) | st.sampled_from(BAD), max_size=30)


def score(values: Sequence[bytes | None], model: FakeModel | None = None) -> ScoredBatch:
    """Score a batch."""
    return scorer(model or champion()).score(raw_batch(values), SCORING_TIME)


def body(decision: Decision) -> Decision:
    """Return a decision without its envelope."""
    return msgspec.structs.replace(decision, scored_at_ms=0, latency_ms=0.0)


@given(MESSAGES)
def test_each_message_is_decided_or_refused_once(
    messages: list[tuple[bytes | None, DeadLetterReason | None]],
) -> None:
    """The good ones are decided in the order they came, the others refused with place and reason."""
    batch = raw_batch([value for value, _ in messages])
    scored = scorer(champion()).score(batch, SCORING_TIME)
    good = [place for place, (_, reason) in enumerate(messages) if reason is None]
    assert [(d.source_partition, d.source_offset) for d in scored.decisions] == [
        (batch.partitions[place], batch.offsets[place]) for place in good
    ]
    refused = sorted((refusal.index, refusal.reason) for refusal in scored.refusals)
    assert refused == [(place, reason) for place, (_, reason) in enumerate(messages) if reason is not None]


@given(MESSAGES)
def test_decision_ids_are_unique(messages: list[tuple[bytes | None, DeadLetterReason | None]]) -> None:
    """The same transaction sent twice is decided twice, under two ids."""
    ids = [decision.decision_id for decision in score([value for value, _ in messages]).decisions]
    assert len(set(ids)) == len(ids)


@given(MESSAGES, st.data(), st.integers(0, 2**40), st.floats(0, 1e6))
def test_a_body_depends_on_nothing_but_bytes_place_and_roles(
    messages: list[tuple[bytes | None, DeadLetterReason | None]], data: st.DataObject, now_ms: int, latency_ms: float
) -> None:
    """Neither on the batch it comes in nor on the clock: a replay gives the same bodies and the same refusals."""
    batch = raw_batch([value for value, _ in messages])
    whole = scorer(champion()).score(batch, SCORING_TIME)
    cuts = data.draw(st.sets(st.integers(0, len(messages))))
    edges = [0, *sorted(cuts), len(messages)]
    again = scorer(champion())
    decisions: list[Decision] = []
    refusals: list[Refusal] = []
    for start, stop in itertools.pairwise(edges):
        part = again.score(batch.slice(start, stop), ScoringTime(now_ms, latency_ms))
        decisions += part.decisions
        refusals += [Refusal(start + each.index, each.reason, each.detail, each.field) for each in part.refusals]
    assert list(map(body, decisions)) == list(map(body, whole.decisions))
    assert sorted(refusals, key=lambda each: each.index) == sorted(whole.refusals, key=lambda each: each.index)
    assert {(each.scored_at_ms, each.latency_ms) for each in decisions} <= {(now_ms, latency_ms)}


def test_a_decision_says_what_was_decided_by_whom_and_on_what() -> None:
    """Every field of one decision."""
    batch = raw_batch([transaction(features(2, 0.5, -2), 4)], first=17)
    (decision,) = scorer(fake_model(version="3"), max_reasons=1).score(batch, SCORING_TIME).decisions
    assert msgspec.to_builtins(decision) == {
        "decision_id": "transactions/0/17@7",
        "transaction_id": "t-4",
        "card_id": "c-1",
        "event_time_ms": 1_378_000_000_004,
        "score": 3 / 4 + 3 / 16 + 2 / 64,  # V1 and the amount at their highest level, V2 one below, V3 at the lowest
        "threshold": 0.5,
        "verdict": "decline",
        "model_name": "fraud",
        "model_version": "3",
        "bundle_sha256": "3".rjust(64, "0"),
        "policy_version": "p1",
        "role_epoch": 7,
        "arm": "champion",
        "propensity": 1.0,
        "reasons": ({"feature": "V1", "contribution": 0.25},),
        "source_topic": "transactions",
        "source_partition": 0,
        "source_offset": 17,
        "scored_at_ms": SCORING_TIME.scored_at_ms,
        "latency_ms": SCORING_TIME.latency_ms,
        "amount_minor": 250,
        "currency": "EUR",
        "schema_version": 1,
    }


def test_alerts_are_the_decisions_not_approved() -> None:
    """Reviewed and declined, in order."""
    scored = score([transaction(features(v1), number) for number, v1 in enumerate([2, -2, 0.5])])
    assert [decision.verdict for decision in scored.decisions] == ["decline", "approve", "review"]
    assert scored.alerts == [scored.decisions[0], scored.decisions[2]]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("refuse", R.NULL_FEATURE), ("median", None), ("nan", None)],
    ids=["refuse", "median", "nan"],
)
def test_null_follows_the_champion_s_policy(missing: MissingPolicy, reason: DeadLetterReason | None) -> None:
    """Refused; or decided as the median would be; or as the model itself has it."""
    seen: list[Matrix] = []

    def watching(matrix: Matrix) -> Any:
        seen.append(matrix)
        return digits(matrix)

    scored = score([transaction(features(v1=None))], fake_model(missing=missing, rule=watching))
    assert [refusal.reason for refusal in scored.refusals] == ([reason] if reason else [])
    assert len(scored.decisions) == (reason is None)
    if missing == "median":
        assert seen[0][0, 0] == 0.25
    if missing == "nan":
        assert np.isnan(seen[0][0, 0])


@pytest.mark.parametrize(
    ("country", "reason", "words"),
    [
        ("FR", None, ""),
        ("LU", None, ""),
        ("", None, ""),
        (None, R.NULL_FEATURE, "feature country is null"),
        (7, R.WRONG_TYPE, "`$.features.country`"),
        (1.5, R.WRONG_TYPE, "`$.features.country`"),
        (True, R.WRONG_TYPE, "`$.features.country`"),
        (["FR"], R.WRONG_TYPE, "`$.features.country`"),
    ],
    ids=str,
)
def test_what_may_stand_in_a_categorical_feature(country: Any, reason: DeadLetterReason | None, words: str) -> None:
    """Any string, also one that training never saw; null as the policy has it; nothing else."""
    scored = score([transaction({"V1": 0, "country": country})], fake_model(ALL_KINDS, "refuse"))
    assert [refusal.reason for refusal in scored.refusals] == ([reason] if reason else [])
    assert len(scored.decisions) == (reason is None)
    assert all(words in refusal.detail for refusal in scored.refusals)


def test_a_categorical_feature_must_be_there() -> None:
    """As a numeric one must."""
    (refusal,) = score([transaction({"V1": 0})], fake_model(ALL_KINDS)).refusals
    assert refusal.reason == R.MISSING_FEATURE
    assert "country" in refusal.detail


def test_an_unknown_category_is_scored_as_one_of_its_own() -> None:
    """Its code is the number of categories; null under `median` is the most frequent one."""
    seen: list[Matrix] = []

    def watching(matrix: Matrix) -> Any:
        seen.append(matrix)
        return digits(matrix)

    values = [transaction({"country": country}) for country in ("DE", "LU", None)]
    score(values, fake_model([COUNTRY], rule=watching))
    assert seen[0].tolist() == [[2], [3], [0]]


def test_expected_loss_decides_by_the_amount_and_says_from_which_score() -> None:
    """The same score is approved, reviewed or declined; the threshold is the review cost over the amount."""
    by_loss = Policy("p1", review=0.0, decline=0.75, kind="expected_loss", review_cost_minor=500)
    model = fake_model([Feature("V1", 0.0)], policy=by_loss)
    values = [
        transaction({"V1": v1}, amount_minor=amount) for v1 in (0.5, 2) for amount in (0, 250, 800, 1000, 100_000)
    ]
    decided = score(values, model).decisions
    assert [decision.score for decision in decided] == [0.5] * 5 + [0.75] * 5
    assert [decision.threshold for decision in decided] == [2, 2, 0.625, 0.5, 0.005] * 2
    assert [decision.verdict for decision in decided] == [
        *("approve", "approve", "approve", "review", "review"),
        *("approve", "approve", "decline", "decline", "decline"),
    ]
    assert [bool(decision.reasons) for decision in decided] == [each.verdict != "approve" for each in decided]


def test_a_row_with_two_faults_is_refused_once() -> None:
    """A value that is not finite is named before a null."""
    (refusal,) = score([transaction(features(v1=None, v3=1e39))]).refusals
    assert refusal == Refusal(0, R.NOT_FINITE, "feature V3 is not finite as float32", "features.V3")


@pytest.mark.parametrize(
    "raw",
    [
        transaction(features(v1=MARK, v2=None)),
        transaction(features(v1=MARK, v2=1e39)),
        transaction(features(v1=POISON, v2=MARK)),
        transaction({"V1": MARK}),
        transaction(features(v1=[MARK])),  # type: ignore[arg-type]  # what a sender may do
        transaction(features(), card_id=MARK),
        transaction(features(v1=MARK))[:-1],
        transaction(features(), currency=str(MARK)),
    ],
)
def test_a_refusal_is_one_line_without_the_transaction_s_values(raw: bytes) -> None:
    """Its text gets into logs; card data must not."""
    (refusal,) = score([raw]).refusals
    assert refusal.detail
    assert "\n" not in refusal.detail
    assert str(MARK) not in refusal.detail


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.sampled_from([None, float("nan"), -0.5, 2.0]))
def test_rows_that_cannot_be_scored_are_refused_alone(poisoned: list[bool], failure: float | None) -> None:
    """The others are decided as if they had come without them."""
    values = [transaction(features(POISON if bad else number % 3 - 1), number) for number, bad in enumerate(poisoned)]
    scored = score(values, fake_model(rule=failing_where(is_poison, failure)))
    assert [(each.index, each.reason) for each in scored.refusals] == [
        (place, R.UNSCORABLE) for place, bad in enumerate(poisoned) if bad
    ]
    undisturbed = score(values, fake_model()).decisions
    assert scored.decisions == [each for each, bad in zip(undisturbed, poisoned, strict=True) if not bad]


@pytest.mark.parametrize("failure", [None, float("nan")])
def test_a_champion_at_fault_blames_no_message(failure: float | None) -> None:
    """Nothing comes of the batch: it will be read again when somebody works."""
    broken = fake_model(rule=failing_where(is_poison, failure), parity_holds=False)
    with pytest.raises(ModelFaultError):
        score([transaction(features(POISON)), transaction(features())], broken)


def test_unknown_features_are_ignored_and_counted() -> None:
    """By name, over batches; the decision is the one without them."""
    counting = scorer(champion())
    plain = counting.score(raw_batch([transaction(features(2))]), SCORING_TIME).decisions
    for _ in range(2):
        scored = counting.score(raw_batch([transaction(features(2, extra="x", Time=3))]), SCORING_TIME)
        assert scored.decisions == plain
    assert counting.codec.unknown_features == {"extra": 2, "Time": 2}


def test_a_challenger_s_features_are_not_unknown() -> None:
    """What any model in a role reads is known."""
    counting = scorer(champion(), fake_model([*fake_model().manifest.features, _w1()], version="2"))
    counting.score(raw_batch([transaction(features(W1=1))]), SCORING_TIME)
    assert not counting.codec.unknown_features


def test_a_challenger_s_strings_are_not_unknown() -> None:
    """Those neither."""
    counting = scorer(champion(), fake_model(ALL_KINDS, version="2"))
    counting.score(raw_batch([transaction(features(country="FR"))]), SCORING_TIME)
    assert not counting.codec.unknown_features


def test_the_last_of_duplicate_keys_wins() -> None:
    """As most readers of JSON have it."""
    raw = json.dumps({"V1": -2.0})[1:-1].encode()
    twice = transaction(features(2)).replace(b'"features": {', b'"features": {' + raw + b", ")
    assert score([twice]).decisions == score([transaction(features(2))]).decisions


@pytest.mark.parametrize("values", [[], [b"{"]], ids=["no message", "none accepted"])
def test_where_nothing_is_accepted_no_model_runs(values: list[bytes | None]) -> None:
    """Neither the champion nor a challenger sees an empty batch."""
    deciding, watching = champion(), fake_model(version="2")
    scored = scorer(deciding, watching).score(raw_batch(values), SCORING_TIME)
    assert not scored.decisions
    assert not scored.alerts
    assert not scored.shadow_scores
    assert deciding.runs == watching.runs == 0


def _w1() -> Any:
    return msgspec.structs.replace(fake_model().manifest.features[0], name="W1")

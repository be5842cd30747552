"""The scorer: each message is decided or rejected once, and a decision's body does not depend on its batch."""

import itertools
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DeadLetterReason
from schemas.manifest import Feature, MissingPolicy
from schemas.messages import Decision, Policy
from schemas.version import ENGINE
from stream.scoring.features import Matrix
from stream.scoring.raw_batch import ScoringTime
from stream.scoring.scorer import Refusal
from tests.scoring.fake_model import (
    ALL_KINDS,
    COUNTRY,
    SCORING_TIME,
    digits,
    fake_model,
    features,
    raw_batch,
    scorer,
    transaction,
)
from tests.scoring.refused_messages import MESSAGES, poisoned_champion, score

R = DeadLetterReason


def body(decision: Decision) -> Decision:
    """Return a decision without its envelope."""
    return msgspec.structs.replace(decision, scored_at_ms=0, latency_ms=0.0)


@given(MESSAGES)
def test_each_message_is_decided_or_refused_once(
    messages: list[tuple[bytes | None, DeadLetterReason | None]],
) -> None:
    """Accepted messages are decided in their order; the others are rejected with index and reason."""
    batch = raw_batch([value for value, _ in messages])
    scored = scorer(poisoned_champion()).score(batch, SCORING_TIME)
    accepted = [index for index, (_, reason) in enumerate(messages) if reason is None]
    assert [(d.source_partition, d.source_offset) for d in scored.decisions] == [
        (batch.partitions[index], batch.offsets[index]) for index in accepted
    ]
    refused = sorted((refusal.index, refusal.reason) for refusal in scored.refusals)
    assert refused == [(index, reason) for index, (_, reason) in enumerate(messages) if reason is not None]


@given(MESSAGES)
def test_decision_ids_are_unique(messages: list[tuple[bytes | None, DeadLetterReason | None]]) -> None:
    """A transaction that is sent twice is decided twice, with two ids."""
    ids = [decision.decision_id for decision in score([value for value, _ in messages]).decisions]
    assert len(set(ids)) == len(ids)


@given(MESSAGES, st.data(), st.integers(0, 2**40), st.floats(0, 1e6))
def test_a_body_depends_only_on_bytes_position_and_roles(
    messages: list[tuple[bytes | None, DeadLetterReason | None]], data: st.DataObject, now_ms: int, latency_ms: float
) -> None:
    """A decision's body depends neither on the rest of the batch nor on the clock, so a replay gives the same body."""
    batch = raw_batch([value for value, _ in messages])
    whole = scorer(poisoned_champion()).score(batch, SCORING_TIME)
    cuts = data.draw(st.sets(st.integers(0, len(messages))))
    edges = [0, *sorted(cuts), len(messages)]
    replaying = scorer(poisoned_champion())
    decisions: list[Decision] = []
    refusals: list[Refusal] = []
    for start, stop in itertools.pairwise(edges):
        part = replaying.score(batch.slice(start, stop), ScoringTime(now_ms, latency_ms))
        decisions += part.decisions
        refusals += [Refusal(start + each.index, each.reason, each.detail, each.field) for each in part.refusals]
    assert list(map(body, decisions)) == list(map(body, whole.decisions))
    assert sorted(refusals, key=lambda each: each.index) == sorted(whole.refusals, key=lambda each: each.index)
    assert {(each.scored_at_ms, each.latency_ms) for each in decisions} <= {(now_ms, latency_ms)}


def test_every_field_of_a_decision() -> None:
    """The decision names transaction, model, policy, arm, reasons and source position."""
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
        "engine": ENGINE,
    }


def test_alerts_are_the_decisions_that_do_not_approve() -> None:
    """Alerts are reviews and declines, in order."""
    scored = score([transaction(features(v1), number) for number, v1 in enumerate([2, -2, 0.5])])
    assert [decision.verdict for decision in scored.decisions] == ["decline", "approve", "review"]
    assert scored.alerts == [scored.decisions[0], scored.decisions[2]]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("refuse", R.NULL_FEATURE), ("median", None), ("nan", None)],
    ids=["refuse", "median", "nan"],
)
def test_null_follows_the_champion_s_policy(missing: MissingPolicy, reason: DeadLetterReason | None) -> None:
    """By policy, a transaction with a null is rejected, scored with the median or scored with NaN."""
    inputs: list[Matrix] = []

    def record(matrix: Matrix) -> Any:
        inputs.append(matrix)
        return digits(matrix)

    scored = score([transaction(features(v1=None))], fake_model(missing=missing, rule=record))
    assert [refusal.reason for refusal in scored.refusals] == ([reason] if reason else [])
    assert len(scored.decisions) == (reason is None)
    if missing == "median":
        assert inputs[0][0, 0] == 0.25
    if missing == "nan":
        assert np.isnan(inputs[0][0, 0])


@pytest.mark.parametrize(
    ("country", "reason", "text"),
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
def test_a_categorical_feature_accepts_strings_only(country: Any, reason: DeadLetterReason | None, text: str) -> None:
    """Any string is accepted, even if it did not occur in training; null is handled by the policy."""
    scored = score([transaction({"V1": 0, "country": country})], fake_model(ALL_KINDS, "refuse"))
    assert [refusal.reason for refusal in scored.refusals] == ([reason] if reason else [])
    assert len(scored.decisions) == (reason is None)
    assert all(text in refusal.detail for refusal in scored.refusals)


def test_an_unknown_category_has_its_own_code() -> None:
    """All unknown categories share a code of their own; under `median`, null becomes the most frequent category."""
    inputs: list[Matrix] = []

    def record(matrix: Matrix) -> Any:
        inputs.append(matrix)
        return digits(matrix)

    values = [transaction({"country": country}) for country in ("DE", "LU", None)]
    score(values, fake_model([COUNTRY], rule=record))
    assert inputs[0].tolist() == [[2], [3], [0]]


def test_expected_loss_decides_by_score_and_amount() -> None:
    """For equal scores, the amount decides the verdict; the recorded threshold is the review cost over the amount."""
    by_loss = Policy("p1", review=0.0, decline=0.75, kind="expected_loss", review_cost_minor=500)
    model = fake_model([Feature("V1", 0.0)], policy=by_loss)
    values = [
        transaction({"V1": v1}, amount_minor=amount) for v1 in (0.5, 2) for amount in (0, 250, 800, 1000, 100_000)
    ]
    decisions = score(values, model).decisions
    assert [decision.score for decision in decisions] == [0.5] * 5 + [0.75] * 5
    assert [decision.threshold for decision in decisions] == [2, 2, 0.625, 0.5, 0.005] * 2
    assert [decision.verdict for decision in decisions] == [
        *("approve", "approve", "approve", "review", "review"),
        *("approve", "approve", "decline", "decline", "decline"),
    ]
    assert [bool(decision.reasons) for decision in decisions] == [each.verdict != "approve" for each in decisions]


def test_unknown_features_are_ignored_and_counted() -> None:
    """Unknown features are counted by name over batches, and do not change the decision."""
    counting = scorer(poisoned_champion())
    plain = counting.score(raw_batch([transaction(features(2))]), SCORING_TIME).decisions
    for _ in range(2):
        scored = counting.score(raw_batch([transaction(features(2, extra="x", Time=3))]), SCORING_TIME)
        assert scored.decisions == plain
    assert counting.codec.unknown_features == {"extra": 2, "Time": 2}


def test_a_challenger_s_features_are_not_unknown() -> None:
    """A feature is known if any model in a role has it."""
    w1 = msgspec.structs.replace(fake_model().manifest.features[0], name="W1")
    counting = scorer(poisoned_champion(), fake_model([*fake_model().manifest.features, w1], version="2"))
    counting.score(raw_batch([transaction(features(W1=1))]), SCORING_TIME)
    assert not counting.codec.unknown_features


def test_a_challenger_s_categorical_features_are_not_unknown() -> None:
    """A categorical feature of a challenger counts as known too."""
    counting = scorer(poisoned_champion(), fake_model(ALL_KINDS, version="2"))
    counting.score(raw_batch([transaction(features(country="FR"))]), SCORING_TIME)
    assert not counting.codec.unknown_features


def test_the_last_of_duplicate_keys_wins() -> None:
    """If a key is duplicated, the last value wins, as in most JSON readers."""
    raw = json.dumps({"V1": -2.0})[1:-1].encode()
    duplicated = transaction(features(2)).replace(b'"features": {', b'"features": {' + raw + b", ")
    assert score([duplicated]).decisions == score([transaction(features(2))]).decisions


@pytest.mark.parametrize("values", [[], [b"{"]], ids=["no message", "none accepted"])
def test_no_model_runs_without_an_accepted_message(values: list[bytes | None]) -> None:
    """Neither the champion nor a challenger gets an empty batch."""
    champion, challenger = poisoned_champion(), fake_model(version="2")
    scored = scorer(champion, challenger).score(raw_batch(values), SCORING_TIME)
    assert not scored.decisions
    assert not scored.alerts
    assert not scored.shadow_scores
    assert champion.runs == challenger.runs == 0

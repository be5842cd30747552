"""Synthetic decisions, shadow scores and labels, as they appear on their topics."""

from typing import Any

import msgspec

from schemas.messages import Decision, Label, ShadowScore

#: 2026-11-01.
BASE_MS = 1_793_491_200_000
CHAMPION, CHALLENGER = "a" * 64, "b" * 64


def decision(number: int, **overrides: Any) -> Decision:
    """Return a decision on transaction `number`, at offset `number` of partition number % 4.

    The transaction takes place `number` seconds after `BASE_MS`.
    """
    partition, epoch = number % 4, 1
    made = Decision(
        decision_id=f"transactions/{partition}/{number}@{epoch}",
        transaction_id=f"t{number}",
        card_id=f"card-{number % 500}",
        event_time_ms=BASE_MS + number * 1000,
        score=(number % 1000) / 1000,
        threshold=0.9,
        verdict="review" if number % 1000 >= 900 else "approve",
        model_name="fraud",
        model_version="1",
        bundle_sha256=CHAMPION,
        policy_version="p1",
        role_epoch=epoch,
        arm="champion",
        propensity=1.0,
        reasons=(),
        source_topic="transactions",
        source_partition=partition,
        source_offset=number,
        scored_at_ms=BASE_MS + number * 1000 + 50,
        latency_ms=5.0,
        amount_minor=100 + number,
        currency="EUR",
    )
    return msgspec.structs.replace(made, **overrides)


def shadow(number: int, **overrides: Any) -> ShadowScore:
    """Return the challenger's shadow score for transaction `number`, which is 0.1 above the champion's score."""
    of = decision(number)
    made = ShadowScore(
        decision_id=of.decision_id,
        transaction_id=of.transaction_id,
        card_id=of.card_id,
        event_time_ms=of.event_time_ms,
        score=of.score + 0.1,
        threshold=0.9,
        verdict="review" if of.score + 0.1 >= 0.9 else "approve",
        problem=None,
        model_name="fraud",
        model_version="2",
        bundle_sha256=CHALLENGER,
        role_epoch=1,
        scored_at_ms=of.scored_at_ms,
        policy_version="p2",
    )
    return msgspec.structs.replace(made, **overrides)


def label(number: int, **overrides: Any) -> Label:
    """Return a chargeback label for transaction `number`, thirty days after the transaction."""
    made = Label(f"l{number}", f"t{number}", "chargeback", fraud=True, event_time_ms=BASE_MS + 30 * 86_400_000)
    return msgspec.structs.replace(made, **overrides)

"""Decisions, alerts and shadow scores."""

from typing import Literal

from msgspec import Struct

from schemas.messages.fields import Verdict


class Reason(Struct, frozen=True, gc=False):
    """A feature that raised a score."""

    #: Name of the feature. Features derived from the same source (the amount or the event time) are assessed together,
    #: under the name of the first of them.
    feature: str
    #: How much the score falls if the feature is replaced by its reference median, or by the most frequent category;
    #: in (0, 1].
    contribution: float


class Decision(Struct, frozen=True, gc=False):
    """The decision about one transaction.

    `scored_at_ms` and `latency_ms` are the *envelope*: they come from the worker's clock. All other fields are the
    *body*: a pure function of the transaction's bytes and source position, the role epoch and the bundle. A replay
    produces the same body.
    """

    decision_id: str
    transaction_id: str
    card_id: str
    event_time_ms: int
    #: Calibrated P(fraud) in [0, 1].
    score: float
    #: The lowest score that is reviewed. Under a policy of kind expected_loss this depends on the amount: review cost /
    #: amount, at most 2; above 1 no score is reviewed.
    threshold: float
    verdict: Verdict
    model_name: str
    model_version: str
    bundle_sha256: str
    policy_version: str
    role_epoch: int
    #: Which model decided. champion or challenger: the model that the card is drawn to. fallback: the champion, in
    #: place of a challenger that could not score. exploration: a transaction that either model would have declined was
    #: let through.
    arm: str
    #: Probability with which the transaction was assigned to its arm.
    propensity: float
    #: Reasons for the score, strongest first; only for review and decline.
    reasons: tuple[Reason, ...]
    source_topic: str
    source_partition: int
    source_offset: int
    #: UTC milliseconds at which the batch was scored.
    scored_at_ms: int
    #: Milliseconds from reading the transaction to its score.
    latency_ms: float
    #: The transaction's amount and currency; None in messages older than the ledger, which needs both.
    amount_minor: int | None = None
    currency: str | None = None
    schema_version: Literal[1] = 1


class ShadowScore(Struct, frozen=True, gc=False):
    """What a model would have decided about a transaction that another model decided.

    There is one shadow score per transaction and challenger. If a challenger in a traffic split decided, the champion's
    shadow score takes the place of that challenger's.
    """

    decision_id: str
    transaction_id: str
    card_id: str
    event_time_ms: int
    #: None if the model could not score the transaction; `problem` then says why.
    score: float | None
    #: Threshold and verdict as in a decision, by the model's own policy.
    threshold: float
    verdict: Verdict | None
    problem: str | None
    model_name: str
    model_version: str
    bundle_sha256: str
    role_epoch: int
    scored_at_ms: int
    #: Empty in messages from before challengers had policies of their own.
    policy_version: str = ""
    schema_version: Literal[1] = 1

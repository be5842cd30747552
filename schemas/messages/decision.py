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

    `scored_at_ms`, `latency_ms` and `engine` are the *envelope*: they say when and by which program the transaction was
    scored. All other fields are the *body*: a pure function of the transaction's bytes and source position, the role
    epoch and the bundle. A replay produces the same body.
    """

    #: Source topic, partition, offset and role epoch: `<topic>/<partition>/<offset>@<epoch>`.
    decision_id: str
    #: Id of the transaction.
    transaction_id: str
    #: Card of the transaction; also the message's key.
    card_id: str
    #: Time of the payment, UTC milliseconds.
    event_time_ms: int
    #: Calibrated P(fraud) in [0, 1].
    score: float
    #: The lowest score that is reviewed. Under a policy of kind expected_loss this depends on the amount: review cost /
    #: amount, at most 2; above 1 no score is reviewed.
    threshold: float
    #: What to do with the payment: approve it, review it or decline it.
    verdict: Verdict
    #: Name of the model that decided.
    model_name: str
    #: Version of the model that decided.
    model_version: str
    #: SHA-256 of the manifest of the model's bundle.
    bundle_sha256: str
    #: Version of the policy that turned the score into the verdict.
    policy_version: str
    #: Epoch of the roles by which the decision was made.
    role_epoch: int
    #: Which model decided. champion or challenger: the model that the card is drawn to. fallback: the champion, in
    #: place of a challenger that could not score. exploration: a transaction that either model would have declined was
    #: let through.
    arm: str
    #: Probability with which the transaction was assigned to its arm.
    propensity: float
    #: Reasons for the score, strongest first; only for review and decline.
    reasons: tuple[Reason, ...]
    #: Topic of the transaction.
    source_topic: str
    #: Partition of the transaction.
    source_partition: int
    #: Offset of the transaction.
    source_offset: int
    #: UTC milliseconds at which the batch was scored.
    scored_at_ms: int
    #: Milliseconds from reading the transaction to its score.
    latency_ms: float
    #: The transaction's amount in minor units; None in messages from before this field existed.
    amount_minor: int | None = None
    #: ISO 4217 code of the amount's currency; None where `amount_minor` is.
    currency: str | None = None
    #: Version of the program that decided; empty in messages from before this field existed.
    engine: str = ""
    #: Version of the message's format.
    schema_version: Literal[1] = 1


class ShadowScore(Struct, frozen=True, gc=False):
    """What a model would have decided about a transaction that another model decided.

    There is one shadow score per transaction and challenger. If a challenger in a traffic split decided, the champion's
    shadow score takes the place of that challenger's.
    """

    #: Id of the decision about the same transaction.
    decision_id: str
    #: Id of the transaction.
    transaction_id: str
    #: Card of the transaction; also the message's key.
    card_id: str
    #: Time of the payment, UTC milliseconds.
    event_time_ms: int
    #: Calibrated P(fraud) in [0, 1]; None if the model could not score the transaction.
    score: float | None
    #: The lowest score that is reviewed by the model's own policy, as in a decision.
    threshold: float
    #: Verdict by the model's own policy; None without a score.
    verdict: Verdict | None
    #: Why the model could not score the transaction; None if it could.
    problem: str | None
    #: Name of the model.
    model_name: str
    #: Version of the model.
    model_version: str
    #: SHA-256 of the manifest of the model's bundle.
    bundle_sha256: str
    #: Epoch of the roles by which the transaction was decided.
    role_epoch: int
    #: UTC milliseconds at which the batch was scored.
    scored_at_ms: int
    #: Empty in messages from before challengers had policies of their own.
    policy_version: str = ""
    #: Version of the message's format.
    schema_version: Literal[1] = 1

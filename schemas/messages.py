"""Every message on a topic, as frozen structs.

JSON Schema files made from these structs stand in `schemas/json/`; golden files of every version stand in
`tests/golden/`. A change that an old reader can't take raises `schema_version`.
"""

from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from schemas.errors import DeadLetterReason

Verdict = Literal["approve", "review", "decline"]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Epoch = Annotated[int, Meta(ge=1, description="rises by one with each change of roles")]
# The lengths besides the patterns: `$` also matches before a closing line feed.
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
# 9999-12-31: later than any clock that is merely wrong, and still a date in every language.
EventTimeMs = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="UTC milliseconds since 1970")]
# 10^15 minor units: above any card payment, below where a double loses whole numbers.
AmountMinor = Annotated[int, Meta(ge=0, le=10**15, description="integer minor units of the currency")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217")]
FeatureValue = float | str | None
Count = Annotated[int, Meta(ge=0)]

FeaturesT = TypeVar("FeaturesT")


class Transaction(Struct, Generic[FeaturesT], frozen=True, gc=False):
    """One card payment as received.

    The worker reads `Transaction[F]` with F made from the champion's manifest; everyone else reads
    `Transaction[dict[str, FeatureValue]]`.
    """

    transaction_id: Identifier
    card_id: Identifier
    event_time_ms: EventTimeMs
    amount_minor: AmountMinor
    currency: Currency
    features: FeaturesT
    schema_version: Literal[1] = 1


class Reason(Struct, frozen=True, gc=False):
    """A feature that pushed a score up."""

    #: Of several made of the amount, or of the event time, the first: they are looked at together.
    feature: str
    #: How much the score falls when the feature is replaced by its reference median, or by the most frequent category;
    #: in (0, 1].
    contribution: float


class Decision(Struct, frozen=True, gc=False):
    """What the champion decided about one transaction.

    `scored_at_ms` and `latency_ms` are the *envelope*: the worker's clock. All other fields are the *body*: a pure
    function of the transaction's bytes and place, the role epoch and the bundle. A replay gives the same body.
    """

    decision_id: str
    transaction_id: str
    card_id: str
    event_time_ms: int
    #: Calibrated P(fraud) in [0, 1].
    score: float
    #: The lowest score that is reviewed. Under a policy of kind expected_loss that is the one for this amount: review
    #: cost / amount, but 2 at most; above 1 no score is reviewed.
    threshold: float
    verdict: Verdict
    model_name: str
    model_version: str
    bundle_sha256: str
    policy_version: str
    role_epoch: int
    #: Who decided, and with which probability the transaction got there. champion, challenger: whoever the card is
    #: drawn to. fallback: the champion, for a challenger that could not score. exploration: a would-be decline of
    #: either was let through.
    arm: str
    propensity: float
    #: Only for review and decline, strongest first.
    reasons: tuple[Reason, ...]
    source_topic: str
    source_partition: int
    source_offset: int
    #: UTC milliseconds at which the batch was scored.
    scored_at_ms: int
    #: Milliseconds from reading the transaction to its score.
    latency_ms: float
    #: The transaction's own; None in messages of before the ledger, which weighs mistakes by them.
    amount_minor: int | None = None
    currency: str | None = None
    schema_version: Literal[1] = 1


class ShadowScore(Struct, frozen=True, gc=False):
    """What a model that did not decide about a transaction would have decided.

    One for each challenger; where a challenger of a split decided, the champion's stands in its place.
    """

    decision_id: str
    transaction_id: str
    card_id: str
    event_time_ms: int
    #: None where the model could not score; `problem` then says why.
    score: float | None
    #: As in a decision, by the model's own policy.
    threshold: float
    verdict: Verdict | None
    problem: str | None
    model_name: str
    model_version: str
    bundle_sha256: str
    role_epoch: int
    scored_at_ms: int
    #: Empty in messages of before policies could be shadowed.
    policy_version: str = ""
    schema_version: Literal[1] = 1


class Label(Struct, frozen=True, gc=False):
    """What somebody came to know about one transaction. Keyed by transaction_id; may come weeks later, in any order."""

    #: The sender's own; a repeated one is the same label.
    label_id: Identifier
    transaction_id: Identifier
    #: chargeback: the card's bank took the payment back. analyst: somebody reviewed it. cardholder: its owner says so.
    source: Literal["chargeback", "analyst", "cardholder"]
    #: None: the source takes back what it said.
    fraud: bool | None
    #: When the source came to know.
    event_time_ms: EventTimeMs
    schema_version: Literal[1] = 1


class DeadLetter(Struct, frozen=True):
    """A refused message with its origin, so that it can be inspected and sent again."""

    reason: DeadLetterReason
    detail: str
    source_topic: str
    source_partition: int
    source_offset: int
    #: Base64. The original key and bytes; of any key, and of a value beyond the limit, only the first 64 KiB.
    key: bytes | None
    value: bytes | None
    value_size: int
    value_sha256: Sha256
    truncated: bool
    refused_at_ms: int
    schema_version: Literal[1] = 1


class Policy(Struct, frozen=True):
    """How a score becomes a verdict.

    Expected loss against the cost of acting: C. Elkan, "The foundations of cost-sensitive learning", 2001.

    Raises:
        ValueError: If review > decline, or a review cost and the kind do not go together.
    """

    version: Identifier
    #: Not read by kind expected_loss: write 0.
    review: Annotated[float, Meta(ge=0, le=1)]
    decline: Annotated[float, Meta(ge=0, le=1)]
    #: score: score ≥ decline declines, else score ≥ review is reviewed. expected_loss: what has score · amount_minor ≥
    #: review_cost_minor is reviewed, and of this score ≥ decline is declined instead.
    kind: Literal["score", "expected_loss"] = "score"
    #: What a review costs, in the minor units that amounts have; at least 1 for kind expected_loss, 0 for kind score.
    #: Amounts are taken as they stand, so expected_loss is for a stream of one currency.
    review_cost_minor: AmountMinor = 0

    def __post_init__(self) -> None:
        if self.review > self.decline:
            raise ValueError(f"policy {self.version}: review {self.review} is above decline {self.decline}")
        if self.kind == "expected_loss" and self.review_cost_minor < 1:
            raise ValueError(f"policy {self.version}: kind expected_loss needs a review_cost_minor of at least 1")
        if self.kind == "score" and self.review_cost_minor:
            raise ValueError(f"policy {self.version}: review_cost_minor is for kind expected_loss, not for kind score")


class BundleRef(Struct, frozen=True):
    """Where a bundle is, and the hash that says it is the one meant."""

    name: Identifier
    version: Identifier
    #: Relative to the bundle store (a setting), so that every worker may mount it where it likes.
    path: Identifier
    #: Hash of the manifest, which holds the hash of every other file.
    sha256: Sha256


class Challenger(Struct, frozen=True):
    """A candidate and how it takes part. It scores every transaction, whatever its mode.

    Raises:
        ValueError: If mode and share do not go together.
    """

    bundle: BundleRef
    #: shadow: decides nothing. split: decides for a share of the cards, always the same ones.
    mode: Literal["shadow", "split"] = "shadow"
    #: Of the cards that it decides for; 0 under shadow.
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    #: None: the policy of its manifest. Another policy over the champion's own bundle is a challenger too.
    policy: Policy | None = None

    def __post_init__(self) -> None:
        if (self.mode == "split") != (self.share > 0):
            raise ValueError(
                f"challenger {self.bundle.version}: a share above 0 goes with mode split, and only with it"
            )


class Exploration(Struct, frozen=True):
    """Would-be declines that are let through, so that their labels are not for ever unknown."""

    #: Of the would-be declines up to the cap.
    share: Annotated[float, Meta(gt=0, le=0.5)]
    #: A larger amount is never let through.
    max_amount_minor: AmountMinor


class RoleAction(StrEnum):
    """What a change of roles did."""

    #: All roles were written at once, by a job that made the models.
    PUBLISH = "publish"
    #: Another bundle became champion.
    PROMOTE = "promote"
    #: The previous champion was restored.
    ROLLBACK = "rollback"
    #: A challenger joined, or got another mode, share or policy.
    CHALLENGE = "challenge"
    #: Challengers were removed.
    DISMISS = "dismiss"
    #: The champion got another policy.
    POLICY = "policy"
    #: Exploration was switched on, off or changed.
    EXPLORATION = "exploration"
    #: Cards and explored transactions are drawn again.
    SALT = "salt"
    #: Several of these at once, or an assignment of schema version 1 or 2.
    ROLES = "roles"


class LinkedEvidence(Struct, frozen=True, tag_field="kind", tag="link"):
    """A document that supports a promotion."""

    #: A URL, or `runs:/…` where MLflow holds the file.
    url: str


class GateEvidence(Struct, frozen=True, tag_field="kind", tag="gate"):
    """The gate test that a challenger passed."""

    #: Number of the test in the ledger.
    test: Annotated[int, Meta(ge=1)]
    #: Plan, evidence of every cohort and judgement as JSON: a URL, or `runs:/…` where MLflow holds the file.
    url: str


class RollbackEvidence(Struct, frozen=True, tag_field="kind", tag="rollback"):
    """The measurement that made the rollback monitor restore the previous champion."""

    #: alert_rate_high, alert_rate_low, alert_multiple, scores, slow or problems.
    statistic: str
    #: A share of transactions, of scored parts (slow), or a KS distance (scores).
    value: float
    #: The bound that the value crossed: from above for alert_rate_low, from below for all others.
    bound: float
    #: Transactions in the window that crossed it.
    transactions: Count
    #: Blocks between the promotion and the end of that window.
    blocks: Count


AuditEvidence = LinkedEvidence | GateEvidence | RollbackEvidence


class ModelUpdate(Struct, frozen=True):
    """The whole assignment of roles. The newest on `model-updates` holds; the topic is the audit.

    Raises:
        ValueError: If the challengers' shares leave the champion nothing.
    """

    epoch: Epoch
    champion: BundleRef
    written_at_ms: int
    #: Who wrote it, and why: for people who read the audit.
    author: str
    note: str = ""
    previous: BundleRef | None = None
    challengers: tuple[Challenger, ...] = ()
    #: None: the policy of the champion's manifest.
    policy: Policy | None = None
    #: That `previous` decided with; None: the policy of its manifest.
    previous_policy: Policy | None = None
    #: None: every decline is declined.
    exploration: Exploration | None = None
    #: Goes into the hashes that draw cards and explored transactions; another one draws anew.
    salt: Annotated[str, Meta(max_length=64)] = ""
    #: What this change did, compared with the assignment before it.
    action: RoleAction = RoleAction.ROLES
    #: What the change rests on; None if nothing was given.
    evidence: AuditEvidence | None = None
    #: 1 had neither shares, nor challengers' policies, nor exploration; 2 had neither action nor evidence.
    schema_version: Literal[1, 2, 3] = 3

    def __post_init__(self) -> None:
        if sum(challenger.share for challenger in self.challengers) >= 1:
            raise ValueError("the challengers' shares add up to 1 or more and leave the champion nothing")


class WorkerStatus(Struct, frozen=True):
    """What a worker slot is doing. Compacted by slot, so the newest is kept."""

    slot: str
    state: Literal["waiting", "ready", "unready", "stopped"]
    #: Of the roles in use; 0 before the first.
    role_epoch: int
    champion: str | None
    challengers: tuple[str, ...]
    #: The newest refused role change, if it is newer than the roles in use.
    refused: str | None
    partitions: tuple[int, ...]
    #: Transactions waiting in Kafka.
    lag: int
    written_at_ms: int
    schema_version: Literal[1] = 1


class PlayerCounts(Struct, frozen=True):
    """What one model with one policy said of a worker's transactions, as numbers that add up over workers.

    Every transaction counts for every model, whether it decides or only watches: a shadow period and the time after
    the promotion compare.
    """

    name: str
    version: str
    bundle_sha256: Sha256
    policy_version: str
    #: Whether it is the champion; False for a challenger, also one that decides for a share of the cards.
    decides: bool
    #: Scored, and those that it had no score for.
    transactions: Count
    #: By its own policy, before exploration.
    reviews: Count
    declines: Count
    #: Transactions without a score: a challenger's problems; for the champion the dead letters that come of what it
    #: asks of features (missing, null, not finite, of a wrong type), and those that it fails at.
    problems: Count
    #: Of the scores' log odds, ln(s / (1 - s)): below -12, then 30 bins of 0.6 each, then from 6 up.
    scores: Annotated[tuple[Count, ...], Meta(min_length=32, max_length=32)]


class RoleCounts(Struct, frozen=True):
    """What a worker counted under one assignment of roles since its last such message; only what was committed."""

    slot: str
    #: Of the worker's process: another one after each start.
    instance: str
    #: Starts at 1 with each instance and rises by 1: a repeated message is told by it.
    sequence: Annotated[int, Meta(ge=1)]
    role_epoch: Epoch
    written_at_ms: int
    #: How long scoring took, with all models, of each part of up to 250 transactions: up to 1 ms, up to 2, 4, …, 1024,
    #: and longer.
    latencies: Annotated[tuple[Count, ...], Meta(min_length=12, max_length=12)]
    players: tuple[PlayerCounts, ...]
    schema_version: Literal[1] = 1


class DriftCounts(Struct, frozen=True):
    """What a worker counted of one model's input and scores in one pane of event time, since its last such message.

    Counts are by the bins of the bundle's own reference (`stream.drift.binning`) and add up over workers and panes.
    """

    slot: str
    #: Of the worker's process: another one after each start.
    instance: str
    #: Starts at 1 with each instance and rises by 1: a repeated message is told by it.
    sequence: Annotated[int, Meta(ge=1)]
    name: str
    version: str
    bundle_sha256: Sha256
    #: Whether it is the champion.
    decides: bool
    #: Begin of the pane, UTC milliseconds; None for rows dated too far ahead of the clock: they are in no pane. Where
    #: rows are scattered over many panes at once, some count in one near theirs.
    pane_ms: int | None
    rows: Count
    #: By feature name: of each bin, the missing ones last.
    features: dict[str, tuple[Count, ...]]
    #: Of each bin, rows without a score last.
    scores: tuple[Count, ...]
    #: By its own policy, before exploration.
    reviews: Count
    declines: Count
    #: Of all scores, and of those of reviews and declines.
    score_sum: float
    alert_score_sum: float
    #: Highest event time that is not too far ahead, by partition of the transactions topic.
    event_times: dict[int, int]
    written_at_ms: int
    schema_version: Literal[1] = 1


DriftState = Literal["unknown", "ok", "high", "alarm", "page"]


class ColumnDrift(Struct, frozen=True):
    """How far one column of a window has moved from its reference; None where there is no reference or no row."""

    psi: float | None
    #: The KS statistic; of a categorical feature the Jensen-Shannon distance. In [0, 1].
    distance: float | None
    #: Of the KS statistic, corrected over all features and the score (Holm); None for categories.
    p: float | None
    #: Share of the rows, in [0, 1].
    missing: float
    #: What PSI must exceed: the largest of the default, the natural quantile and the χ² critical value.
    psi_limit: float | None
    #: What the KS statistic must exceed besides; None for categories: they alarm by PSI alone.
    distance_limit: float | None
    #: unknown: nothing to judge by; high: over a limit, not yet in enough windows in a row; page: an alarm far beyond.
    state: DriftState
    #: Windows over a limit in a row, this one included.
    in_a_row: Count


class AlertRate(Struct, frozen=True):
    """Alerts of the last windows against the bundle's own reference, by an exact binomial test."""

    #: Share of the reference that was alerted, and of the tested rows.
    expected: float
    observed: float
    #: Two-sided.
    p: float
    state: Literal["ok", "alarm"]
    #: Rows and alerts of the windows that were tested together, oldest first; the last is the report's own.
    rows: tuple[Count, ...]
    alerts: tuple[Count, ...]


class DriftReport(Struct, frozen=True):
    """One closed window of one model. A pure function of `drift-counts`: two writers write the same bytes."""

    name: str
    version: str
    bundle_sha256: Sha256
    decides: bool
    #: Of this model's windows, from 1; a report that is written twice has the same number and content.
    number: Annotated[int, Meta(ge=1)]
    #: Offsets of `drift-counts` between which its counts lie, half-open.
    first_offset: Count
    next_offset: Count
    #: All counts below it are in reports, of every model: who goes on after this report reads from here.
    settled_offset: Count
    #: First pane's begin and last pane's end, UTC milliseconds; None when every row was dated too far ahead.
    from_ms: int | None
    until_ms: int | None
    rows: Count
    #: Dated too far ahead of the clock; in `rows` too.
    ahead: Count
    #: False where the model went quiet before its window was full: this is what there was.
    complete: bool
    features: dict[str, ColumnDrift]
    score: ColumnDrift
    #: None where the bundle has no reference for it.
    alert_rate: AlertRate | None
    #: None where no row had a score.
    mean_score: float | None
    #: Label-free estimates, None where nothing was alerted or scored. They assume that the scores are calibrated and
    #: that P(label│input) has not changed: of a change of that they show nothing.
    expected_precision: float | None
    expected_recall: float | None
    #: How often the rule is wrong in windows of this size, as training measured it; None where it did not.
    false_alarm_rate: float | None
    #: The window's counts, as in `DriftCounts`.
    counts: dict[str, tuple[Count, ...]]
    score_counts: tuple[Count, ...]
    reviews: Count
    declines: Count
    #: Of the counts that closed it, for two writers' clocks would differ.
    written_at_ms: int
    schema_version: Literal[1] = 1


class RetrainAnswer(Struct, frozen=True):
    """What became of a request."""

    #: challenger: a new model watches. declined: nothing was trained.
    outcome: Literal["challenger", "declined"]
    #: Which model, or why none: one line.
    why: str
    answered_at_ms: EventTimeMs


class RetrainRequest(Struct, frozen=True):
    """Somebody asks for a model to take a champion's place.

    Open until it stands on the topic once more, the same but for its answer.
    """

    #: The asker's own; a repeated one is the same request.
    request_id: Identifier
    #: drift: the inputs moved. performance: labels say that the champion errs more. schedule: it is old. hand: a
    #: person asks.
    cause: Literal["drift", "performance", "schedule", "hand"]
    #: Of the champion that is to be replaced.
    bundle_sha256: Sha256
    #: One line, for people.
    why: Annotated[str, Meta(min_length=1, max_length=1000)]
    asked_at_ms: EventTimeMs
    author: Identifier
    #: None while it is open.
    answer: RetrainAnswer | None = None
    schema_version: Literal[1] = 1


#: What the outside world reads and writes; JSON Schema files are made for each.
PUBLIC: dict[str, type[Struct]] = {
    "transaction": Transaction[dict[str, FeatureValue]],
    "decision": Decision,
    "shadow-score": ShadowScore,
    "label": Label,
    "dead-letter": DeadLetter,
    "model-update": ModelUpdate,
    "worker-status": WorkerStatus,
    "role-counts": RoleCounts,
    "drift-counts": DriftCounts,
    "drift-report": DriftReport,
    "retrain-request": RetrainRequest,
}

_encoder = msgspec.json.Encoder()


def encode(message: Struct) -> bytes:
    """Encode any message as JSON bytes."""
    return _encoder.encode(message)

"""Every message on a topic, as frozen structs.

JSON Schema files made from these structs stand in `schemas/json/`; golden files of every version stand in
`tests/golden/`. A change that an old reader can't take raises `schema_version`.
"""

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

    feature: str
    #: How much the score falls when the feature is replaced by its reference median; in (0, 1].
    contribution: float


class Decision(Struct, frozen=True, gc=False):
    """What the champion decided about one transaction.

    All but the last two fields are the *body*: a pure function of the transaction's bytes and place, the role
    epoch and the bundle. A replay gives the same body. The last two are the *envelope*: the worker's clock.
    """

    decision_id: str
    transaction_id: str
    card_id: str
    event_time_ms: int
    #: Calibrated P(fraud) in [0, 1].
    score: float
    #: The lowest score that is reviewed.
    threshold: float
    verdict: Verdict
    model_name: str
    model_version: str
    bundle_sha256: str
    policy_version: str
    role_epoch: int
    #: Which arm of a split decided, and with which probability the transaction got there.
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
    schema_version: Literal[1] = 1


class ShadowScore(Struct, frozen=True, gc=False):
    """What one challenger would have decided about one transaction. It never decides."""

    decision_id: str
    transaction_id: str
    card_id: str
    event_time_ms: int
    #: None where the challenger could not score; `problem` then says why.
    score: float | None
    threshold: float
    verdict: Verdict | None
    problem: str | None
    model_name: str
    model_version: str
    bundle_sha256: str
    role_epoch: int
    scored_at_ms: int
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

    score: score ≥ decline declines, else score ≥ review is reviewed. expected_loss: score · amount_minor ≥
    review_cost_minor is reviewed, and of that score ≥ decline is declined; `review` says nothing there.

    Raises:
        ValueError: If review > decline, or a review cost and the kind do not go together.
    """

    version: Identifier
    review: Annotated[float, Meta(ge=0, le=1)]
    decline: Annotated[float, Meta(ge=0, le=1)]
    kind: Literal["score", "expected_loss"] = "score"
    #: Minor units of the transaction's currency; only for expected_loss.
    review_cost_minor: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.review > self.decline:
            raise ValueError(f"policy {self.version}: review {self.review} is above decline {self.decline}")
        if (self.kind == "expected_loss") != (self.review_cost_minor > 0):
            raise ValueError(
                f"policy {self.version}: review_cost_minor is for kind expected_loss, and at least 1 there"
            )


class BundleRef(Struct, frozen=True):
    """Where a bundle is, and the hash that says it is the one meant."""

    name: Identifier
    version: Identifier
    #: Relative to the bundle store (a setting), so that every worker may mount it where it likes.
    path: Identifier
    #: Hash of the manifest, which holds the hash of every other file.
    sha256: Sha256


class Challenger(Struct, frozen=True):
    """A candidate and how it takes part. `shadow`: scores everything, decides nothing."""

    bundle: BundleRef
    mode: Literal["shadow"] = "shadow"


class ModelUpdate(Struct, frozen=True):
    """The whole assignment of roles. The newest on `model-updates` holds; the topic is the audit."""

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
    schema_version: Literal[1] = 1


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


#: What the outside world reads and writes; JSON Schema files are made for each.
PUBLIC: dict[str, type[Struct]] = {
    "transaction": Transaction[dict[str, FeatureValue]],
    "decision": Decision,
    "shadow-score": ShadowScore,
    "dead-letter": DeadLetter,
    "model-update": ModelUpdate,
    "worker-status": WorkerStatus,
}

_encoder = msgspec.json.Encoder()


def encode(message: Struct) -> bytes:
    """Encode any message as JSON bytes."""
    return _encoder.encode(message)

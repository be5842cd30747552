"""Assignments of roles on the topic `model-updates`, and the policies they carry."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.fields import AmountMinor, Count, Epoch, Identifier, Sha256


class Policy(Struct, frozen=True):
    """How a score becomes a verdict.

    Kind expected_loss weighs a transaction's expected loss against the cost of a review (C. Elkan, "The foundations of
    cost-sensitive learning", 2001).

    Raises:
        ValueError: If review > decline, or if the review cost does not fit the kind.
    """

    #: Name of the policy, which decisions repeat as `policy_version`.
    version: Identifier
    #: Threshold for review. Kind expected_loss does not use it: write 0.
    review: Annotated[float, Meta(ge=0, le=1)]
    #: Threshold for decline.
    decline: Annotated[float, Meta(ge=0, le=1)]
    #: score: score ≥ decline declines, else score ≥ review reviews. expected_loss: a transaction with score ·
    #: amount_minor ≥ review_cost_minor is reviewed, or declined if also score ≥ decline.
    kind: Literal["score", "expected_loss"] = "score"
    #: Cost of one review, in minor units of the amounts' currency; at least 1 for kind expected_loss, 0 for kind score.
    #: Amounts are not converted, so expected_loss suits only a stream in one currency.
    review_cost_minor: AmountMinor = 0

    def __post_init__(self) -> None:
        if self.review > self.decline:
            raise ValueError(f"policy {self.version}: review {self.review} is above decline {self.decline}")
        if self.kind == "expected_loss" and self.review_cost_minor < 1:
            raise ValueError(f"policy {self.version}: kind expected_loss needs a review_cost_minor of at least 1")
        if self.kind == "score" and self.review_cost_minor:
            raise ValueError(f"policy {self.version}: review_cost_minor is for kind expected_loss, not for kind score")


class BundleRef(Struct, frozen=True):
    """Path of a bundle, and the hash that identifies it."""

    #: Name of the model.
    name: Identifier
    #: Version of the model.
    version: Identifier
    #: Path relative to the bundle store, whose location is a setting, so that each worker can mount it anywhere.
    path: Identifier
    #: Hash of the manifest, which contains the hash of every other file.
    sha256: Sha256


class Challenger(Struct, frozen=True):
    """A challenger and its mode. A challenger scores every transaction, whatever its mode.

    Raises:
        ValueError: If the share does not fit the mode.
    """

    #: Bundle of the challenger.
    bundle: BundleRef
    #: shadow: decides nothing. split: decides for a share of the cards, always the same cards.
    mode: Literal["shadow", "split"] = "shadow"
    #: Share of the cards that the challenger decides for; 0 in mode shadow.
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    #: Policy of the challenger; None: the policy in the bundle's manifest. The champion's own bundle with a different
    #: policy is a challenger too.
    policy: Policy | None = None

    def __post_init__(self) -> None:
        if (self.mode == "split") != (self.share > 0):
            raise ValueError(
                f"challenger {self.bundle.version}: mode split needs a share above 0, mode shadow a share of 0"
            )


class Exploration(Struct, frozen=True):
    """Lets some would-be declines through, so that their labels become known."""

    #: Share of the would-be declines, up to the maximum amount, that are let through.
    share: Annotated[float, Meta(gt=0, le=0.5)]
    #: Maximum amount; a transaction above it is never let through.
    max_amount_minor: AmountMinor


class RoleAction(StrEnum):
    """Kinds of role changes, as recorded for the audit."""

    #: All roles were written at once, by the job that trained the models.
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
    #: Exploration was switched on, switched off or changed.
    EXPLORATION = "exploration"
    #: The cards of a split and the explored transactions are drawn again.
    SALT = "salt"
    #: Several of these changes at once, or an assignment in schema version 1 or 2.
    ROLES = "roles"


class LinkedEvidence(Struct, frozen=True, tag_field="kind", tag="link"):
    """A document that supports a promotion."""

    #: A URL, or `runs:/…` if the file is in MLflow.
    url: str


class GateEvidence(Struct, frozen=True, tag_field="kind", tag="gate"):
    """Evidence that a challenger has passed its gate test."""

    #: Number of the gate test in the ledger.
    test: Annotated[int, Meta(ge=1)]
    #: URL of a JSON file with the plan, the evidence from every cohort and the result; `runs:/…` if it is in MLflow.
    url: str


class RollbackEvidence(Struct, frozen=True, tag_field="kind", tag="rollback"):
    """The measurement that made the rollback monitor restore the previous champion."""

    #: alert_rate_high, alert_rate_low, alert_multiple, scores, slow or problems.
    statistic: str
    #: A share of transactions; for slow, a share of the parts in which batches are scored; for scores, a KS distance.
    value: float
    #: Bound that the value crossed: it fell below the bound for alert_rate_low, and rose above the bound for all
    #: others.
    bound: float
    #: Number of transactions in the window that crossed the bound.
    transactions: Count
    #: Number of blocks from the promotion to the end of that window.
    blocks: Count


AuditEvidence = LinkedEvidence | GateEvidence | RollbackEvidence


class ModelUpdate(Struct, frozen=True):
    """A complete assignment of roles. The newest on `model-updates` is in force; older ones are kept for the audit.

    Raises:
        ValueError: If the challengers' shares leave nothing for the champion.
    """

    epoch: Epoch
    #: Bundle of the model that decides.
    champion: BundleRef
    #: UTC milliseconds at which the assignment was written.
    written_at_ms: int
    #: Person or program that wrote the assignment, for the audit.
    author: str
    #: Reason for the change, for the audit.
    note: str = ""
    #: Bundle of the previous champion, which a rollback restores; None if there is none.
    previous: BundleRef | None = None
    #: All challengers.
    challengers: tuple[Challenger, ...] = ()
    #: Policy of the champion; None: the policy in its manifest.
    policy: Policy | None = None
    #: Policy that `previous` decided by; None: the policy in its manifest.
    previous_policy: Policy | None = None
    #: Rule for would-be declines that are let through; None: there are none.
    exploration: Exploration | None = None
    #: Input to the hashes that select the cards of a split and the explored transactions; a new salt selects others.
    salt: Annotated[str, Meta(max_length=64)] = ""
    #: What the change did, compared with the previous assignment.
    action: RoleAction = RoleAction.ROLES
    #: Evidence that supports the change; None if none was given.
    evidence: AuditEvidence | None = None
    #: Version 1 had neither shares, nor challengers' policies, nor exploration; 2 had neither action nor evidence.
    schema_version: Literal[1, 2, 3] = 3

    def __post_init__(self) -> None:
        if sum(challenger.share for challenger in self.challengers) >= 1:
            raise ValueError("the challengers' shares add up to 1 or more and leave nothing for the champion")

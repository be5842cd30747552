"""The reconciliation at the end of every fault test: nothing is lost, repeated or scored differently.

The reconciliation reads the committed data of every topic from the beginning, and compares output with input. Offline
scores are computed from the transactions' JSON, without the stream's own feature code.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from confluent_kafka import Message

from schemas.manifest import MANIFEST_NAME
from schemas.messages import DeadLetter, Decision, ModelUpdate, Policy, ShadowScore
from stream.control.role_reader import decode_update
from stream.models.bundle import LoadedModel, audit
from stream.settings import Settings
from tests.support.offline_features import margin_to_review, offline_vector
from tests.support.topics import read_all

#: The last digit of a logistic score depends on the size of its batch.
TOLERANCE = 1e-6

#: Partition and offset of a transaction.
Position = tuple[int, int]

_decisions = msgspec.json.Decoder(Decision)
_dead_letters = msgspec.json.Decoder(DeadLetter)
_shadows = msgspec.json.Decoder(ShadowScore)


@dataclass(frozen=True)
class Reconciliation:
    """The outcome of each transaction, by position. Without repeats, each has exactly one decision or dead letter."""

    sent: dict[Position, Message]
    decisions: dict[Position, Decision]
    dead_letters: dict[Position, DeadLetter]


def reconcile(settings: Settings, bootstrap: str | None = None, *, repeats_allowed: bool = False) -> Reconciliation:
    """Compare committed decisions and dead letters with the input.

    Args:
        settings: Settings with the topics, the bundle store and, unless `bootstrap` is given, the bootstrap server.
        bootstrap: Bootstrap server that bypasses a proxy or authentication.
        repeats_allowed: Whether a transaction may be decided several times, as with at-least-once delivery.

    Raises:
        AssertionError: If anything is lost, repeated or scored differently.
    """
    bootstrap = bootstrap or settings.kafka.bootstrap
    sent = {_position(m): m for m in read_all(bootstrap, settings.topic.transactions)}
    decisions = [_decisions.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.decisions)]
    dead_letters = [_dead_letters.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.dead_letters)]
    settled = Counter((d.source_partition, d.source_offset) for d in decisions)
    settled.update((each.source_partition, each.source_offset) for each in dead_letters)

    lost = sent.keys() - settled.keys()
    unknown = settled.keys() - sent.keys()
    repeated = [position for position, count in settled.items() if count > 1]
    assert not lost, f"{len(lost)} of {len(sent)} transactions lost, first {min(lost)}"
    assert not unknown, f"{len(unknown)} settled that were never sent, first {min(unknown)}"
    assert repeats_allowed or not repeated, f"{len(repeated)} settled more than once, first {min(repeated)}"

    updates = {u.epoch: u for u in map(_update, read_all(bootstrap, settings.topic.model_updates))}
    _check_scores(sent, decisions, updates, Path(settings.bundle.store))
    alerts = [_decisions.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.alerts)]
    assert Counter(a.decision_id for a in alerts) == Counter(d.decision_id for d in decisions if d.verdict != "approve")
    shadows = [_shadows.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.shadow_scores)]
    _check_shadows(shadows, decisions, updates, repeats_allowed=repeats_allowed)
    return Reconciliation(
        sent,
        {(d.source_partition, d.source_offset): d for d in decisions},
        {(each.source_partition, each.source_offset): each for each in dead_letters},
    )


def _position(message: Message) -> Position:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset


def _update(message: Message) -> ModelUpdate:
    return decode_update(message.value())


def _check_scores(
    sent: dict[Position, Message], decisions: Sequence[Decision], updates: dict[int, ModelUpdate], store: Path
) -> None:
    """Rescore every transaction offline with the bundle that its decision names."""
    for sha256 in {decision.bundle_sha256 for decision in decisions}:
        model = _find_bundle(store, sha256)
        own = [decision for decision in decisions if decision.bundle_sha256 == sha256]
        inputs = [json.loads(sent[d.source_partition, d.source_offset].value() or b"") for d in own]
        matrix = np.array([offline_vector(transaction, model.manifest) for transaction in inputs], dtype=np.float32)
        offline = model.onnx.score(matrix).astype(np.float64)
        online = np.array([decision.score for decision in own])
        worst = np.max(np.abs(offline - online))
        assert worst <= TOLERANCE, f"a score of bundle {model.manifest.version} is {worst:.3g} off"
        for decision, transaction, score in zip(own, inputs, offline, strict=True):
            policy = _policies(updates[decision.role_epoch]).get(sha256) or model.manifest.policy
            assert decision.policy_version == policy.version
            assert decision.transaction_id == transaction["transaction_id"]
            assert decision.model_version == model.manifest.version
            margin = margin_to_review(score, policy, transaction["amount_minor"])
            near = min(abs(margin), abs(score - policy.decline)) <= TOLERANCE
            verdict = "approve" if margin < 0 else "review" if score < policy.decline else "decline"
            if decision.arm == "exploration":
                assert verdict == "decline", f"{decision.decision_id} was explored, but would not have been declined"
                verdict = "approve"
            assert near or decision.verdict == verdict, f"{decision.decision_id}: {decision.verdict}, not {verdict}"


def _find_bundle(store: Path, sha256: str) -> LoadedModel:
    for manifest in store.rglob(MANIFEST_NAME):
        if hashlib.sha256(manifest.read_bytes()).hexdigest() == sha256:
            return audit(manifest.parent, sha256)
    raise AssertionError(f"no bundle has the hash {sha256} of a decision")


def _check_shadows(
    shadows: Sequence[ShadowScore],
    decisions: Sequence[Decision],
    updates: dict[int, ModelUpdate],
    *,
    repeats_allowed: bool,
) -> None:
    """Check that each model that has a role, except the deciding model, has one shadow score for each decision.

    Decisions of the previous champion, which has no role in the epoch but decides when the champion fails, have none.
    """
    by_model = Counter((shadow.bundle_sha256, shadow.decision_id) for shadow in shadows)
    decided = {decision.decision_id for decision in decisions}
    assert {decision_id for _, decision_id in by_model} <= decided, "a shadow score has no decision"
    if not repeats_allowed:
        assert all(count == 1 for count in by_model.values()), "a shadow score is repeated"
    for decision in decisions:
        in_role = set(_policies(updates[decision.role_epoch]))
        if decision.bundle_sha256 in in_role:
            for sha256 in in_role - {decision.bundle_sha256}:
                assert (sha256, decision.decision_id) in by_model, f"{decision.decision_id}: no score of {sha256[:8]}"


def _policies(update: ModelUpdate) -> dict[str, Policy | None]:
    """Return, by bundle, the policy that overrides its manifest's policy, if any. Here each bundle has one role."""
    return {update.champion.sha256: update.policy} | {each.bundle.sha256: each.policy for each in update.challengers}

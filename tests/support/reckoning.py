"""The reckoning that every fault test ends with: nothing lost, nothing twice, nothing scored differently.

It reads every topic from its beginning, as a reader of committed data does, and compares what came out with what
went in. Offline scores are computed here from the transactions' JSON, without the stream's own feature code.
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
from tests.support.by_hand import above_review, vector
from tests.support.topics import read_all

#: A logistic score depends on the size of its batch in the last digit.
TOLERANCE = 1e-6

#: Partition and offset in the input.
Place = tuple[int, int]

_decisions = msgspec.json.Decoder(Decision)
_letters = msgspec.json.Decoder(DeadLetter)
_shadows = msgspec.json.Decoder(ShadowScore)


@dataclass(frozen=True)
class Reckoning:
    """What became of the input, by place. Without repeats each place has exactly one decision or dead letter."""

    sent: dict[Place, Message]
    decisions: dict[Place, Decision]
    letters: dict[Place, DeadLetter]


def reckon(settings: Settings, bootstrap: str | None = None, *, repeats_allowed: bool = False) -> Reckoning:
    """Compare committed decisions and dead letters with the input.

    Args:
        settings: Topics and bundle store, and the address unless `bootstrap` is given.
        bootstrap: Another way to the broker, past a proxy or a password.
        repeats_allowed: For delivery at least once.

    Raises:
        AssertionError: With what was lost, repeated or scored differently.
    """
    bootstrap = bootstrap or settings.kafka.bootstrap
    sent = {_place(m): m for m in read_all(bootstrap, settings.topic.transactions)}
    decisions = [_decisions.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.decisions)]
    letters = [_letters.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.dead_letters)]
    settled = Counter((d.source_partition, d.source_offset) for d in decisions)
    settled.update((letter.source_partition, letter.source_offset) for letter in letters)

    lost = sent.keys() - settled.keys()
    made_up = settled.keys() - sent.keys()
    repeated = [place for place, times in settled.items() if times > 1]
    assert not lost, f"{len(lost)} of {len(sent)} transactions lost, first {min(lost)}"
    assert not made_up, f"{len(made_up)} settled that were never sent, first {min(made_up)}"
    assert repeats_allowed or not repeated, f"{len(repeated)} settled more than once, first {min(repeated)}"

    updates = {u.epoch: u for u in map(_update, read_all(bootstrap, settings.topic.model_updates))}
    _check_scores(sent, decisions, updates, Path(settings.bundle.store))
    alerts = [_decisions.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.alerts)]
    assert Counter(a.decision_id for a in alerts) == Counter(d.decision_id for d in decisions if d.verdict != "approve")
    shadows = [_shadows.decode(m.value() or b"") for m in read_all(bootstrap, settings.topic.shadow_scores)]
    _check_shadows(shadows, decisions, updates, repeats_allowed=repeats_allowed)
    return Reckoning(
        sent,
        {(d.source_partition, d.source_offset): d for d in decisions},
        {(letter.source_partition, letter.source_offset): letter for letter in letters},
    )


def _place(message: Message) -> Place:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset


def _update(message: Message) -> ModelUpdate:
    return decode_update(message.value())


def _check_scores(
    sent: dict[Place, Message], decisions: Sequence[Decision], updates: dict[int, ModelUpdate], store: Path
) -> None:
    """Score everything again offline, with the bundle that each decision names."""
    for sha256 in {decision.bundle_sha256 for decision in decisions}:
        model = _find_bundle(store, sha256)
        own = [decision for decision in decisions if decision.bundle_sha256 == sha256]
        inputs = [json.loads(sent[d.source_partition, d.source_offset].value() or b"") for d in own]
        matrix = np.array([vector(transaction, model.manifest) for transaction in inputs], dtype=np.float32)
        offline = model.onnx.score(matrix).astype(np.float64)
        online = np.array([decision.score for decision in own])
        worst = np.max(np.abs(offline - online))
        assert worst <= TOLERANCE, f"a score of bundle {model.manifest.version} is {worst:.3g} off"
        for decision, transaction, score in zip(own, inputs, offline, strict=True):
            policy = _policies(updates[decision.role_epoch]).get(sha256) or model.manifest.policy
            assert decision.policy_version == policy.version
            assert decision.transaction_id == transaction["transaction_id"]
            assert decision.model_version == model.manifest.version
            above = above_review(score, policy, transaction["amount_minor"])
            near = min(abs(above), abs(score - policy.decline)) <= TOLERANCE
            verdict = "approve" if above < 0 else "review" if score < policy.decline else "decline"
            if decision.arm == "exploration":
                assert verdict == "decline", f"{decision.decision_id} was let through, and is no would-be decline"
                verdict = "approve"
            assert near or decision.verdict == verdict, f"{decision.decision_id}: {decision.verdict}, not {verdict}"


def _find_bundle(store: Path, sha256: str) -> LoadedModel:
    for manifest in store.rglob(MANIFEST_NAME):
        if hashlib.sha256(manifest.read_bytes()).hexdigest() == sha256:
            return audit(manifest.parent, sha256)
    raise AssertionError(f"no bundle has the hash {sha256} that a decision names")


def _check_shadows(
    shadows: Sequence[ShadowScore],
    decisions: Sequence[Decision],
    updates: dict[int, ModelUpdate],
    *,
    repeats_allowed: bool,
) -> None:
    """Each model but the one that decided has one shadow score for each decision of its time, and none without one.

    A champion that decides because the one above it failed has none: its decisions name a bundle without a role in
    their epoch.
    """
    by_model = Counter((shadow.bundle_sha256, shadow.decision_id) for shadow in shadows)
    decided = {decision.decision_id for decision in decisions}
    assert {decision_id for _, decision_id in by_model} <= decided, "a shadow score stands without its decision"
    if not repeats_allowed:
        assert all(times == 1 for times in by_model.values()), "a shadow score is repeated"
    for decision in decisions:
        playing = set(_policies(updates[decision.role_epoch]))
        if decision.bundle_sha256 in playing:
            for sha256 in playing - {decision.bundle_sha256}:
                assert (sha256, decision.decision_id) in by_model, f"{decision.decision_id}: no score of {sha256[:8]}"


def _policies(update: ModelUpdate) -> dict[str, Policy | None]:
    """By bundle, the policy instead of its manifest's; each bundle plays once here."""
    return {update.champion.sha256: update.policy} | {each.bundle.sha256: each.policy for each in update.challengers}

"""Act on the gate's verdicts in the ledger: promote a winning challenger or propose its promotion."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from stream.evaluation.evidence import Evidence
from stream.ledger.gate_store import GateStore, GateTest
from stream.models.bundle import read_bundle
from training.registry.promote import Promoter
from training.registry.versions import RegisteredVersion

AutoPromoteMode = Literal["off", "propose", "auto"]

#: Name recorded as the author of automatic promotions.
AUTHOR = "fraud-train watch"


class PromotionProof(Struct, frozen=True):
    """The gate test that justifies a promotion, as stored in the model's run."""

    test: GateTest
    evidence: tuple[Evidence, ...]


def auto_promote(promoter: Promoter, store: GateStore, mode: AutoPromoteMode) -> list[str]:
    """Act on the gate tests against the current champion, and return a status line for each.

    MLflow is reconciled with Kafka first, so an interrupted promotion is completed. No promotion is made twice,
    because tests against an earlier champion are ignored.

    Args:
        promoter: Promoter that reads and changes the roles.
        store: Gate tests in the ledger.
        mode: With `off`, the state of each test is reported; with `propose`, also the command that promotes a winner;
            with `auto`, the winner is promoted.

    Raises:
        LedgerUnavailableError: If the ledger's database is not responding.
        FraudError: If the promotion fails, for the reasons listed under `Promoter.promote`; the next call resumes it.
    """
    newest = promoter.catch_up()
    if newest is None:
        return ["there is no champion yet; promote a version first"]
    champion = newest.change.champion.sha256
    return [_act_on(test, promoter, store, mode) for test in store.tests() if test.champion.bundle_sha256 == champion]


def encode_proof(test: GateTest, evidence: Sequence[Evidence]) -> bytes:
    """Return the plan, the evidence and the judgement of a gate test as JSON."""
    return msgspec.json.format(msgspec.json.encode(PromotionProof(test, tuple(evidence))))


def _act_on(test: GateTest, promoter: Promoter, store: GateStore, mode: AutoPromoteMode) -> str:
    version = promoter.registry.by_bundle().get(test.challenger.bundle_sha256)
    name = f"version {version.number}" if version else f"bundle {test.challenger.bundle_sha256[:12]}"
    challenger = f"{name}, policy {test.challenger.policy_version}"
    if test.judgement is None:
        return f"{challenger}: its first cohort has not closed yet"
    state = f"{challenger}: {test.judgement.verdict}, {test.judgement.reason}"
    if test.verdict != "promote" or mode == "off":
        return state
    if version is None:
        return f"{state}; no registered version has that bundle, so promote it with: fraud-stream models set"
    if instruction := _manual_step(promoter, test, version):
        return f"{state}; {instruction}"
    reason = f"gate test {test.number}: {test.judgement.reason}"
    if mode == "propose":
        return f'{state}; promote it with: fraud-train promote {version.number} --reason "{reason}"'
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"gate-test-{test.number}.json"
        file.write_bytes(encode_proof(test, store.evidence(test)))
        change = promoter.promote(
            version.number, author=AUTHOR, reason=reason, evidence=str(file), gate_test=test.number
        ).change
    return f"{state}; promoted as role epoch {change.role_epoch}"


def _manual_step(promoter: Promoter, test: GateTest, version: RegisteredVersion) -> str:
    """Return what a person must do if promoting the version would not deploy the tested policy; empty otherwise."""
    policy = test.challenger.policy_version
    if test.challenger.bundle_sha256 == test.champion.bundle_sha256:
        return f"make it the champion's policy with: fraud-stream policy set --version {policy} ..."
    if read_bundle(promoter.store, version.bundle).manifest.policy.version != policy:
        return "the bundle has a different policy, so promote the version by hand and set the tested policy afterwards"
    return ""

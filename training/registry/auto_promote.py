"""Acting on the gate's verdicts: what the ledger found out becomes a promotion, or a proposal of one."""

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

Mode = Literal["off", "propose", "auto"]

#: Who promotes when nobody does.
AUTHOR = "fraud-train watch"


class PromotionProof(Struct, frozen=True):
    """What a promotion rests on, as it is kept with the model's run."""

    test: GateTest
    evidence: tuple[Evidence, ...]


def act(promoter: Promoter, store: GateStore, mode: Mode) -> list[str]:
    """Do what the tests that are won ask for; return a line for each test of today's champion.

    MLflow is reconciled with Kafka first, so a promotion that was cut short is finished, and none is made twice: the
    test of a champion that has gone asks for nothing any more.

    Args:
        promoter: Of MLflow and, where workers are to be told, Kafka.
        store: The ledger's tests.
        mode: off says how tests stand; propose says besides how to promote; auto promotes.

    Raises:
        LedgerUnavailableError: If the ledger's database does not answer.
        FraudError: As `Promoter.promote`; the next call goes on.
    """
    newest = promoter.catch_up()
    if newest is None:
        return ["nobody is champion yet; promote a version first"]
    champion = newest.change.champion.sha256
    return [_act(promoter, store, test, mode) for test in store.tests() if test.champion.bundle_sha256 == champion]


def _act(promoter: Promoter, store: GateStore, test: GateTest, mode: Mode) -> str:
    version = promoter.registry.by_bundle().get(test.challenger.bundle_sha256)
    name = f"version {version.number}" if version else f"bundle {test.challenger.bundle_sha256[:12]}"
    who = f"{name}, policy {test.challenger.policy_version}"
    if test.judgement is None:
        return f"{who}: its first cohort has not closed yet"
    standing = f"{who}: {test.judgement.verdict}, {test.judgement.reason}"
    if test.verdict != "promote" or mode == "off":
        return standing
    if version is None:
        return f"{standing}; no registered version has that bundle, so do it by hand: fraud-stream models set"
    if by_hand := _by_hand(promoter, test, version):
        return f"{standing}; {by_hand}"
    why = f"gate test {test.number}: {test.judgement.reason}"
    if mode == "propose":
        return f'{standing}; promote it with: fraud-train promote {version.number} --why "{why}"'
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"gate-test-{test.number}.json"
        file.write_bytes(proof(test, store.evidence(test)))
        change = promoter.promote(version.number, who=AUTHOR, why=why, evidence=str(file), gate_test=test.number).change
    return f"{standing}; promoted{f' as roles {change.role_epoch}' if change.role_epoch else ''}"


def _by_hand(promoter: Promoter, test: GateTest, version: RegisteredVersion) -> str:
    """Say what people must do, where promoting the version would not put in charge what was tested."""
    policy = test.challenger.policy_version
    if test.challenger.bundle_sha256 == test.champion.bundle_sha256:
        return f"make it the champion's policy with: fraud-stream policy set --version {policy} ..."
    if read_bundle(promoter.store, version.bundle).manifest.policy.version != policy:
        return "that policy is not its bundle's own, so promote by hand and set the policy after it"
    return ""


def proof(test: GateTest, evidence: Sequence[Evidence]) -> bytes:
    """Return plan, evidence and judgement of a test as JSON."""
    return msgspec.json.format(msgspec.json.encode(PromotionProof(test, tuple(evidence))))

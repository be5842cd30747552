"""Automatic promotion: a won gate test leads to exactly one promotion with its proof, even after interruptions."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas.errors import BrokerUnavailableError
from schemas.messages import BundleRef, GateEvidence
from stream.control.role_reader import all_roles, current_roles
from stream.ledger.database import opened_engine
from stream.ledger.gate_runner import GateRunner
from stream.ledger.gate_store import GateStore
from stream.ledger.migrate import migrate
from stream.models.bundle import read_bundle
from stream.settings import Settings
from tests.evaluation.sample_evidence import HEALTHY
from tests.support.ledger_history import SETTINGS, SimulatedHistory
from tests.training.registry.conftest import AddVersion
from training.registry.access import RegistryAccess
from training.registry.auto_promote import AUTHOR, auto_promote, encode_proof
from training.registry.promote import Promoter
from training.registry.reconcile import reconcile

RunGate = Callable[..., GateStore]


@pytest.fixture
def run_gate(access: RegistryAccess, tmp_path: Path) -> Iterator[RunGate]:
    """Factory: fill a ledger so that a challenger has, or has not yet, won its gate test against a champion."""
    opened = ExitStack()

    def make(champion: BundleRef, challenger: BundleRef, *, days: int = 80, policy: str = "") -> GateStore:
        engine = opened.enter_context(opened_engine(f"sqlite:///{tmp_path}/ledger.db"))
        migrate(engine)
        versions = [read_bundle(access.store, ref).manifest.policy.version for ref in (champion, challenger)]
        models = ((champion.sha256, versions[0]), (challenger.sha256, policy or versions[1]))
        history = SimulatedHistory(engine, caught=(0.5, 0.85), models=models)
        gate_runner = GateRunner(engine, SETTINGS.gate, history.clock, lambda _: HEALTHY)
        history.advance(32)
        gate_runner.evaluate()
        history.advance(days - 32)
        gate_runner.evaluate()
        return GateStore(engine)

    with opened:
        yield make


def test_a_won_test_promotes_once_and_keeps_its_proof(
    promoter: Promoter, add_version: AddVersion, run_gate: RunGate, settings: Settings
) -> None:
    """A won test leads to one promotion, on Kafka and in MLflow; the mode `propose` only prints the command."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="the first")
    tests = run_gate(first, second)
    (line,) = auto_promote(promoter, tests, "off")
    assert "version 2" in line
    assert ": promote, " in line
    (line,) = auto_promote(promoter, tests, "propose")
    assert "fraud-train promote 2 --reason" in line
    assert len(all_roles(settings.kafka, settings.topic)) == 1
    (line,) = auto_promote(promoter, tests, "auto")
    assert line.endswith("promoted as role epoch 2")
    roles = current_roles(settings.kafka, settings.topic)
    assert roles is not None
    assert (roles.champion, roles.previous, roles.author) == (second, first, AUTHOR)
    assert promoter.registry.aliases()["champion"] == "2"
    assert auto_promote(promoter, tests, "auto") == []
    assert len(all_roles(settings.kafka, settings.topic)) == 2
    change = promoter.history.entries()[-1].change
    assert isinstance(change.evidence, GateEvidence)
    assert change.evidence.test == 1
    assert change.evidence.url.startswith("runs:/")
    assert "gate test 1" in change.reason


def test_the_next_check_completes_an_interrupted_promotion(
    promoter: Promoter,
    add_version: AddVersion,
    run_gate: RunGate,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the process dies after writing to Kafka, the next check updates MLflow, and nothing is promoted twice."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="the first")
    tests = run_gate(first, second)
    with monkeypatch.context() as patch:
        patch.setattr("training.registry.promote.reconcile", _die_at_third_call())
        with pytest.raises(KeyboardInterrupt):
            auto_promote(promoter, tests, "auto")
    assert promoter.registry.aliases()["champion"] == "1"
    assert auto_promote(promoter, tests, "auto") == []
    assert promoter.registry.aliases()["champion"] == "2"
    assert len(all_roles(settings.kafka, settings.topic)) == 2


def _die_at_third_call() -> Callable[..., object]:
    """Return a `reconcile` that dies at its third call, after the change was written; the first two read the roles."""
    calls = []

    def die_late(*arguments: object) -> object:
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return reconcile(*arguments)  # type: ignore[arg-type]

    return die_late


def test_an_undecided_test_is_only_reported(promoter: Promoter, add_version: AddVersion, run_gate: RunGate) -> None:
    """An undecided test is reported in a line that says how many more labels the test needs."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="the first")
    (line,) = auto_promote(promoter, run_gate(first, second, days=36), "auto")
    assert "continue" in line
    assert promoter.registry.aliases()["champion"] == "1"


def test_a_policy_other_than_the_bundles_own_needs_a_person(
    promoter: Promoter, add_version: AddVersion, run_gate: RunGate
) -> None:
    """A challenger is not promoted if promoting its bundle would not deploy the policy that was tested."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="the first")
    (line,) = auto_promote(promoter, run_gate(first, second, policy="tried"), "auto")
    assert "promote the version by hand" in line
    assert promoter.registry.aliases()["champion"] == "1"


def test_a_bundle_without_a_version_needs_a_person(
    promoter: Promoter, add_version: AddVersion, run_gate: RunGate
) -> None:
    """A challenger that is not registered in this MLflow is not promoted automatically."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="the first")
    tests = run_gate(first, second)
    promoter.registry.delete("2")
    (line,) = auto_promote(promoter, tests, "auto")
    assert "fraud-stream models set" in line


def test_without_a_champion_nothing_is_promoted(promoter: Promoter, add_version: AddVersion, run_gate: RunGate) -> None:
    """Without a champion, the check promotes nothing and says what to do first."""
    lines = auto_promote(promoter, run_gate(add_version(), add_version(), days=33), "auto")
    assert lines == ["there is no champion yet; promote a version first"]


def test_without_a_broker_nothing_is_promoted(
    promoter: Promoter,
    make_promoter: Callable[[Settings], Promoter],
    add_version: AddVersion,
    run_gate: RunGate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a broker, nothing is promoted on Kafka or in MLflow."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="the first")
    tests = run_gate(first, second)
    monkeypatch.setattr("stream.kafka.clients.require_broker.__defaults__", (1.0,))  # seconds
    no_broker = make_promoter(promoter.settings.replace(kafka_bootstrap="127.0.0.1:1"))
    with pytest.raises(BrokerUnavailableError):
        auto_promote(no_broker, tests, "auto")
    assert promoter.registry.aliases()["champion"] == "1"


def test_the_proof_is_complete(add_version: AddVersion, run_gate: RunGate) -> None:
    """The proof contains the plan, the evidence of every cohort and the judgement that follows from these data."""
    tests = run_gate(add_version(), add_version(), days=40)
    (test,) = tests.tests()
    proof = json.loads(encode_proof(test, tests.evidence(test)))
    assert proof["test"]["plan"]["alpha"] == test.plan.alpha
    assert len(proof["evidence"]) == len(tests.evidence(test)) > 0
    assert proof["test"]["judgement"]["verdict"] == "continue"

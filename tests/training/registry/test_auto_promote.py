"""Acting on the gate: a won test becomes a promotion once, with its proof, whatever was cut short."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import BrokerUnavailableError
from schemas.messages import BundleRef, GateEvidence
from stream.control.role_reader import all_roles, current_roles
from stream.ledger.database import migrate, open_engine
from stream.ledger.gate_runner import GateRunner
from stream.ledger.gate_store import GateStore
from stream.models.bundle import read_bundle
from stream.settings import Settings
from tests.evaluation.sample_evidence import HEALTHY
from tests.support.ledger_history import SETTINGS, SimulatedHistory
from tests.training.registry.conftest import Add
from training.registry import auto_promote as acting
from training.registry.auto_promote import act
from training.registry.promote import Promoter

Play = Callable[..., GateStore]


@pytest.fixture
def play(desk: Promoter, tmp_path: Path) -> Play:
    """Factory: a ledger in which a challenger's test against a champion has been won, or goes on."""

    def make(champion: BundleRef, challenger: BundleRef, *, days: int = 80, policy: str = "") -> GateStore:
        engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
        migrate(engine)
        models = [(ref.sha256, read_bundle(desk.store, ref).manifest.policy.version) for ref in (champion, challenger)]
        history = SimulatedHistory(engine, caught=(0.5, 0.85), models=(models[0], (models[1][0], policy or models[1][1])))
        gate_runner = GateRunner(engine, SETTINGS, history.clock, lambda _: HEALTHY)
        history.advance(32)
        gate_runner.evaluate()
        history.advance(days - 32)
        gate_runner.evaluate()
        return GateStore(engine)

    return make


def test_a_won_test_promotes_once_and_leaves_its_proof(
    desk: Promoter, add: Add, play: Play, settings: Settings
) -> None:
    """On Kafka and in MLflow, with its proof; the next look finds it done. Proposing before it changes nothing."""
    first, second = add(), add()
    told = replace(desk, kafka=settings)
    told.promote("1", who="ann", why="the first")
    tests = play(first, second)
    (line,) = act(told, tests, "off")
    assert "version 2" in line
    assert ": promote, " in line
    (line,) = act(told, tests, "propose")
    assert "fraud-train promote 2 --why" in line
    assert len(all_roles(settings)) == 1
    (line,) = act(told, tests, "auto")
    assert line.endswith("promoted as roles 2")
    roles = current_roles(settings)
    assert roles is not None
    assert (roles.champion, roles.previous, roles.author) == (second, first, acting.AUTHOR)
    assert told.registry.aliases()["champion"] == "2"
    assert act(told, tests, "auto") == []
    assert len(all_roles(settings)) == 2
    change = [entry.change for entry in told.history.entries()][-1]
    assert isinstance(change.evidence, GateEvidence)
    assert (change.evidence.test, change.evidence.url[:6]) == (1, "runs:/")
    assert "gate test 1" in change.why


def test_a_promotion_cut_short_is_finished_by_the_next_look(
    desk: Promoter, add: Add, play: Play, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written to Kafka, and then the process died: MLflow follows, and nothing is promoted twice."""
    first, second = add(), add()
    told = replace(desk, kafka=settings)
    told.promote("1", who="ann", why="the first")
    tests = play(first, second)
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("training.registry.promote.reconcile", _after_writing(die))
        with pytest.raises(KeyboardInterrupt):
            act(told, tests, "auto")
    assert told.registry.aliases()["champion"] == "1"
    assert act(told, tests, "auto") == []
    assert told.registry.aliases()["champion"] == "2"
    assert len(all_roles(settings)) == 2


def _after_writing(die: Callable[..., None]) -> Callable[..., object]:
    """`reconcile` as it is before the change is written, and death after it."""
    from training.registry.reconcile import reconcile  # noqa: PLC0415 - before it is replaced

    calls = []

    def once(*arguments: object) -> object:
        calls.append(1)
        if len(calls) > 2:  # once to catch up, once to look before the change
            die()
        return reconcile(*arguments)  # type: ignore[arg-type]

    return once


def test_what_is_not_won_is_only_told(desk: Promoter, add: Add, play: Play) -> None:
    """A test that goes on says how many more labels it takes."""
    first, second = add(), add()
    desk.promote("1", who="ann", why="the first")
    (line,) = act(desk, play(first, second, days=36), "auto")
    assert "continue" in line
    assert desk.registry.aliases()["champion"] == "1"


def test_a_policy_that_is_not_the_bundle_s_own_is_left_to_people(desk: Promoter, add: Add, play: Play) -> None:
    """What was tested is not what promoting the bundle would put in charge."""
    first, second = add(), add()
    desk.promote("1", who="ann", why="the first")
    (line,) = act(desk, play(first, second, policy="tried"), "auto")
    assert "promote by hand" in line
    assert desk.registry.aliases()["champion"] == "1"


def test_a_bundle_without_a_version_is_left_to_people(desk: Promoter, add: Add, play: Play) -> None:
    """Nobody registered it here."""
    first, second = add(), add()
    desk.promote("1", who="ann", why="the first")
    tests = play(first, second)
    desk.registry.forget("2")
    (line,) = act(desk, tests, "auto")
    assert "fraud-stream models set" in line


def test_without_a_champion_there_is_nothing_to_act_on(desk: Promoter, add: Add, play: Play) -> None:
    """One line says so."""
    assert act(desk, play(add(), add(), days=33), "auto") == ["nobody is champion yet; promote a version first"]


def test_without_kafka_nothing_is_promoted_in_mlflow_alone(
    desk: Promoter, add: Add, play: Play, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is away stops the whole change."""
    monkeypatch.setattr("stream.kafka.clients.require_broker.__defaults__", (1.0,))  # seconds
    first, second = add(), add()
    desk.promote("1", who="ann", why="the first")
    tests = play(first, second)
    away = replace(desk, kafka=settings.replace(kafka_bootstrap="127.0.0.1:1"))
    with pytest.raises(BrokerUnavailableError):
        act(away, tests, "auto")
    assert desk.registry.aliases()["champion"] == "1"


def test_the_proof_says_it_all(add: Add, play: Play) -> None:
    """Plan, evidence of every cohort, judgement: whoever asks later can judge again."""
    tests = play(add(), add(), days=40)
    (test,) = tests.tests()
    found = json.loads(acting.proof(test, tests.evidence(test)))
    assert found["test"]["plan"]["alpha"] == test.plan.alpha
    assert len(found["evidence"]) == len(tests.evidence(test)) > 0
    assert found["test"]["judgement"]["verdict"] == "continue"

"""The gate on a ledger begins tests by itself, takes evidence from closed cohorts only, and never changes evidence."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from schemas.messages import Challenger, Policy
from stream.evaluation.alpha import next_alpha
from stream.evaluation.guardrails import ServingHealth
from stream.evaluation.plan import Plan, freeze_plan
from stream.ledger import gate_runner as runner_module
from stream.ledger.gate_runner import GateRunner, GateStatus
from stream.ledger.gate_store import GateStore
from stream.ledger.history import ModelIdentity
from tests.support.ledger_batch import LedgerWriter, ManualClock
from tests.support.ledger_history import FIRST_DAY, FRAUDS, LEGITIMATE, SETTINGS, SimulatedHistory, roles_of
from tests.support.records import CHALLENGER, CHAMPION, decision, label, shadow

HEALTHY = ServingHealth(latency_p99_ms=1.0, parity_gap=0.0)


def gate_runner(engine: Engine, history: SimulatedHistory, health: ServingHealth = HEALTHY) -> GateRunner:
    """Return a gate runner that measures the same given health for every challenger."""
    return GateRunner(engine, SETTINGS.gate, history.clock, lambda _: health)


def evaluate(engine: Engine, history: SimulatedHistory, health: ServingHealth = HEALTHY) -> GateStatus:
    """Evaluate the only challenger and return its status."""
    (status,) = gate_runner(engine, history, health).evaluate()
    assert status.champion == ModelIdentity(CHAMPION, "p1")
    assert status.challenger == ModelIdentity(CHALLENGER, "p2")
    return status


def test_a_better_challenger_is_promoted_in_the_end(engine: Engine) -> None:
    """The gate waits for enough history, then freezes its plan on past data, then takes cohorts one by one."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(20)
    assert "the earlier period has" in evaluate(engine, history).waiting
    history.advance(12)
    assert "its plan is frozen" in evaluate(engine, history).waiting
    (test,) = GateStore(engine).tests()
    assert test.plan.alpha == next_alpha([])
    assert test.plan.timing.starts_ms <= history.clock.ms - test.plan.timing.closing_ms
    history.advance(1)
    assert evaluate(engine, history).judgement is not None
    history.advance(40)
    status = evaluate(engine, history)
    assert status.judgement is not None
    assert status.judgement.verdict == "promote"
    assert status.judgement.frauds == sum(each.frauds for each in GateStore(engine).evidence(test))
    history.advance(5)
    assert evaluate(engine, history) == status  # the verdict is final


def test_an_equal_challenger_is_not_promoted(engine: Engine) -> None:
    """The test of an equal challenger continues without a verdict."""
    history = SimulatedHistory(engine, caught=(0.7, 0.7))
    history.advance(32)
    evaluate(engine, history)
    history.advance(30)
    status = evaluate(engine, history)
    assert status.judgement is not None
    assert status.judgement.verdict == "continue"


def test_an_unhealthy_challenger_is_not_promoted(engine: Engine) -> None:
    """A guardrail blocks promotion however good the challenger is, and the reason names the guardrail."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(32)
    evaluate(engine, history)
    history.advance(40)
    status = evaluate(engine, history, ServingHealth(latency_p99_ms=500.0, parity_gap=0.0))
    assert status.judgement is not None
    assert status.judgement.verdict == "continue"
    assert "latency" in status.judgement.reason


def test_evidence_of_closed_cohorts_never_changes(engine: Engine) -> None:
    """Evidence stays the same even if every fraud is retracted later, and no cohort is evaluated twice."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(32)
    evaluate(engine, history)
    history.advance(5)
    before = evaluate(engine, history)
    (test,) = GateStore(engine).tests()
    evidence = GateStore(engine).evidence(test)
    assert len(evidence) >= 5
    retracted = [
        label(day * 100 + index, label_id=f"back-{day}-{index}", fraud=None, event_time_ms=history.clock.ms)
        for day in range(37)
        for index in range(FRAUDS)
    ]
    LedgerWriter(engine, "labels", (1,), settings=SETTINGS, clock=history.clock).write(retracted, 1)
    assert evaluate(engine, history) == before
    history.advance(1)
    evaluate(engine, history)
    assert GateStore(engine).evidence(test)[: len(evidence)] == evidence


def test_of_two_gate_runners_one_writes(engine: Engine) -> None:
    """Of two gate runners, the slower one's write is rejected, and nothing is stored twice."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(32)
    store = GateStore(engine)
    evaluate(engine, history)
    (test,) = store.tests()
    assert not store.begin(test.champion, test.challenger, test.plan, after=0, now_ms=0)
    history.advance(3)
    status = evaluate(engine, history)
    assert status.judgement is not None
    stored = store.evidence(test)
    assert not store.add_evidence(test, stored[-1:], status.judgement, after=len(stored) - 1, now_ms=0)
    assert store.evidence(test) == stored


def test_a_test_that_another_runner_begins_first_is_not_begun_twice(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another ledger begins the test while this one freezes its plan, the other's plan counts for both."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(32)

    def freeze_after_the_other(*arguments: Any, **options: Any) -> Plan:
        monkeypatch.undo()
        assert "its plan is frozen" in evaluate(engine, history).waiting
        return freeze_plan(*arguments, **options)

    monkeypatch.setattr(runner_module, "freeze_plan", freeze_after_the_other)
    status = evaluate(engine, history)
    assert (status.test, status.waiting) == (
        None,
        "another test was begun at the same time; the next evaluation begins this one",
    )
    assert len(GateStore(engine).tests()) == 1
    assert evaluate(engine, history).test == 1


def test_alpha_is_spent_over_challengers(engine: Engine) -> None:
    """The second challenger's test begins with the alpha that the first challenger's test left."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(32)
    evaluate(engine, history)
    roles = roles_of(CHAMPION, CHALLENGER)
    other = Challenger(roles.champion, policy=Policy("strict", 0.1, 0.2))
    update = msgspec.structs.replace(roles, epoch=2, challengers=(*roles.challengers, other))
    LedgerWriter(engine, "role_changes", (1,), clock=history.clock).write([update], 1)
    shadowed = [
        shadow(number, bundle_sha256=CHAMPION, policy_version="strict", card_id=f"card-{number}", verdict="review")
        for number in (day * 100 + index for day in range(32) for index in range(FRAUDS + LEGITIMATE))
    ]
    LedgerWriter(engine, "shadow_scores", (1,), settings=SETTINGS, clock=history.clock).write(shadowed, 1)
    statuses = gate_runner(engine, history).evaluate()
    assert [status.challenger.policy_version for status in statuses] == ["p2", "strict"]
    assert [test.plan.alpha for test in GateStore(engine).tests()] == [next_alpha([]), next_alpha([False])]


def test_without_roles_there_is_nothing_to_evaluate(engine: Engine) -> None:
    """Without roles, as in an empty ledger, there is nothing to evaluate."""
    assert GateRunner(engine, SETTINGS.gate, ManualClock(), lambda _: HEALTHY).evaluate() == []


def test_a_challenger_waits_for_its_first_scores(engine: Engine) -> None:
    """A new challenger's policy is unknown until the ledger has its first score; until then its test waits."""
    LedgerWriter(engine, "role_changes").write([roles_of(CHAMPION, CHALLENGER)])
    decisions = LedgerWriter(engine)
    decisions.write([decision(4)])
    (status,) = GateRunner(engine, SETTINGS.gate, ManualClock(), lambda _: HEALTHY).evaluate()
    assert (status.champion, status.challenger) == (ModelIdentity(CHAMPION, "p1"), ModelIdentity(CHALLENGER, ""))
    assert status.test is None
    assert status.waiting


@pytest.mark.parametrize("currency", ["USD"])
def test_two_currencies_are_not_added_up(engine: Engine, currency: str) -> None:
    """Amounts in two currencies are not added up; the status says why there is no test."""
    history = SimulatedHistory(engine, caught=(0.5, 0.85))
    history.advance(31)
    LedgerWriter(engine, "decisions", (1,), settings=SETTINGS, clock=history.clock).write(
        [decision(77_777, currency=currency, event_time_ms=FIRST_DAY + 1)], 1
    )
    LedgerWriter(engine, "shadow_scores", (1,), settings=SETTINGS, clock=history.clock).write([shadow(77_777)], 1)
    history.advance(1)
    assert "costs can be added up in one currency only" in evaluate(engine, history).waiting

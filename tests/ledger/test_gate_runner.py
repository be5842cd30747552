"""The verdict beside the ledger: a test begins by itself, is fed closed cohorts only, and keeps what it took."""

import msgspec
import pytest
from sqlalchemy import Engine

from schemas.messages import Challenger, Policy
from stream.evaluation.alpha import next_alpha
from stream.evaluation.guardrails import ServingHealth
from stream.ledger.gate_runner import GateRunner, GateStatus
from stream.ledger.gate_store import GateStore
from stream.ledger.history import ModelIdentity
from tests.support.ledger_batch import ManualClock, Writer
from tests.support.ledger_history import FIRST_DAY, FRAUDS, LEGITIMATE, SETTINGS, History, roles_of
from tests.support.records import CHALLENGER, CHAMPION, decision, label, shadow

HEALTHY = ServingHealth(latency_p99_ms=1.0, parity_gap=0.0)


def referee(engine: Engine, history: History, observed: ServingHealth = HEALTHY) -> GateRunner:
    """A referee whose challenger is as healthy as it is told."""
    return GateRunner(engine, SETTINGS, history.clock, lambda _: observed)


def look(engine: Engine, history: History, observed: ServingHealth = HEALTHY) -> GateStatus:
    """Look once at the one challenger."""
    (ruling,) = referee(engine, history, observed).look()
    assert ruling.champion == ModelIdentity(CHAMPION, "p1")
    assert ruling.challenger == ModelIdentity(CHALLENGER, "p2")
    return ruling


def test_a_better_challenger_is_promoted_in_the_end(engine: Engine) -> None:
    """First too little is known to begin, then a plan is frozen on what is past, then cohorts close one by one."""
    history = History(engine, caught=(0.5, 0.85))
    history.live(20)
    assert "the earlier period has" in look(engine, history).waiting
    history.live(12)
    assert "its plan is frozen" in look(engine, history).waiting
    (test,) = GateStore(engine).tests()
    assert test.plan.alpha == next_alpha([])
    assert test.plan.timing.starts_ms <= history.clock.ms - test.plan.timing.closing_ms
    history.live(1)
    assert look(engine, history).judgement is not None
    history.live(40)
    ruling = look(engine, history)
    assert ruling.judgement is not None
    assert ruling.judgement.verdict == "promote"
    assert ruling.judgement.frauds == sum(each.frauds for each in GateStore(engine).evidence(test))
    history.live(5)
    assert look(engine, history) == ruling  # decided is decided


def test_an_equal_challenger_is_not_promoted(engine: Engine) -> None:
    """It goes on, and says how many more labels it would take, or that nothing points that way."""
    history = History(engine, caught=(0.7, 0.7))
    history.live(32)
    look(engine, history)
    history.live(30)
    ruling = look(engine, history)
    assert ruling.judgement is not None
    assert ruling.judgement.verdict == "continue"


def test_an_unhealthy_challenger_waits_however_good_it_is(engine: Engine) -> None:
    """A guardrail holds the promotion up, and is named."""
    history = History(engine, caught=(0.5, 0.85))
    history.live(32)
    look(engine, history)
    history.live(40)
    ruling = look(engine, history, ServingHealth(latency_p99_ms=500.0, parity_gap=0.0))
    assert ruling.judgement is not None
    assert ruling.judgement.verdict == "continue"
    assert "latency" in ruling.judgement.reason


def test_labels_that_change_later_are_not_fed_back(engine: Engine) -> None:
    """What a closed cohort said stays, even when every fraud of it is retracted; another look reads no cohort twice."""
    history = History(engine, caught=(0.5, 0.85))
    history.live(32)
    look(engine, history)
    history.live(5)
    before = look(engine, history)
    (test,) = GateStore(engine).tests()
    evidence = GateStore(engine).evidence(test)
    assert len(evidence) >= 5
    retracted = [
        label(day * 100 + place, label_id=f"back-{day}-{place}", fraud=None, event_time_ms=history.clock.ms)
        for day in range(37)
        for place in range(FRAUDS)
    ]
    Writer(engine, "labels", (1,), settings=SETTINGS, clock=history.clock).write(retracted, 1)
    assert look(engine, history) == before
    history.live(1)
    look(engine, history)
    assert GateStore(engine).evidence(test)[: len(evidence)] == evidence


def test_of_two_referees_one_writes(engine: Engine) -> None:
    """The other is told that somebody was quicker, and nothing is kept twice."""
    history = History(engine, caught=(0.5, 0.85))
    history.live(32)
    store = GateStore(engine)
    look(engine, history)
    (test,) = store.tests()
    assert not store.begin(test.champion, test.challenger, test.plan, after=0, now_ms=0)
    history.live(3)
    ruling = look(engine, history)
    assert ruling.judgement is not None
    kept = store.evidence(test)
    assert not store.keep(test, kept[-1:], ruling.judgement, known=len(kept) - 1, now_ms=0)
    assert store.evidence(test) == kept


def test_the_level_is_spent_over_challengers(engine: Engine) -> None:
    """The second challenger's test is begun with what the first has left."""
    history = History(engine, caught=(0.5, 0.85))
    history.live(32)
    look(engine, history)
    roles = roles_of(CHAMPION, CHALLENGER)
    other = Challenger(roles.champion, policy=Policy("strict", 0.1, 0.2))
    update = msgspec.structs.replace(roles, epoch=2, challengers=(*roles.challengers, other))
    Writer(engine, "role_changes", (1,), clock=history.clock).write([update], 1)
    watched = [
        shadow(number, bundle_sha256=CHAMPION, policy_version="strict", card_id=f"card-{number}", verdict="review")
        for number in (day * 100 + place for day in range(32) for place in range(FRAUDS + LEGITIMATE))
    ]
    Writer(engine, "shadow_scores", (1,), settings=SETTINGS, clock=history.clock).write(watched, 1)
    rulings = referee(engine, history).look()
    assert [ruling.challenger.policy_version for ruling in rulings] == ["p2", "strict"]
    assert [test.plan.alpha for test in GateStore(engine).tests()] == [next_alpha([]), next_alpha([False])]


def test_without_roles_there_is_nothing_to_judge(engine: Engine) -> None:
    """An empty ledger."""
    assert GateRunner(engine, SETTINGS, ManualClock(), lambda _: HEALTHY).look() == []


@pytest.mark.parametrize("currency", ["USD"])
def test_two_currencies_are_not_added_up(engine: Engine, currency: str) -> None:
    """The ruling says why there is no test."""
    history = History(engine, caught=(0.5, 0.85))
    history.live(31)
    Writer(engine, "decisions", (1,), settings=SETTINGS, clock=history.clock).write(
        [decision(77_777, currency=currency, event_time_ms=FIRST_DAY + 1)], 1
    )
    Writer(engine, "shadow_scores", (1,), settings=SETTINGS, clock=history.clock).write([shadow(77_777)], 1)
    history.live(1)
    assert "costs add up in one currency only" in look(engine, history).waiting

"""Runs the gate: begins each challenger's test, takes evidence from each closed cohort, and evaluates the test."""

import logging
from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import Engine

from schemas.errors import DataError
from schemas.messages import BundleRef
from stream.clock import Clock
from stream.evaluation.alpha import next_alpha
from stream.evaluation.cohorts import CohortTiming, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import GateResult, evaluate_gate
from stream.evaluation.guardrails import ServingHealth
from stream.evaluation.plan import default_cap, freeze_plan
from stream.ledger.gate_store import GateStore, GateTest
from stream.ledger.history import ModelIdentity
from stream.ledger.matchups import Matchup, find_matchups, load_pairs
from stream.settings import GateSettings

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

#: Function that measures a challenger's latency and score parity, which pairs of verdicts do not show.
MeasureHealth = Callable[[BundleRef], ServingHealth]


class GateStatus(Struct, frozen=True):
    """State of one challenger's test."""

    champion: ModelIdentity
    challenger: ModelIdentity
    #: Number of the test; None before its plan is frozen.
    test: int | None
    judgement: GateResult | None
    #: What the test is waiting for, in one line, as long as it has no judgement.
    waiting: str = ""


class GateRunner:
    """Tests every challenger in the current roles against the champion.

    Args:
        engine: Migrated ledger database.
        gate: Settings for the gate: maturity, cohort length and costs.
        clock: Source of the times at which plans are frozen and evidence is taken.
        measure_health: Function that measures a challenger's serving health.
    """

    def __init__(self, engine: Engine, gate: GateSettings, clock: Clock, measure_health: MeasureHealth) -> None:
        self._engine, self._gate, self._clock, self._measure_health = engine, gate, clock, measure_health
        self._store = GateStore(engine)

    def evaluate(self) -> list[GateStatus]:
        """Evaluate each challenger on the cohorts that have closed; cheap if no cohort has closed since the last call.

        Raises:
            LedgerUnavailableError: If the database is not responding.
        """
        return [self._evaluate(matchup) for matchup in find_matchups(self._engine)]

    def _evaluate(self, matchup: Matchup) -> GateStatus:
        tests = self._store.tests()
        test = find_gate_test(tests, matchup)
        if test is None:
            return GateStatus(matchup.champion, matchup.challenger, None, None, self._begin(matchup, tests))
        if test.verdict is None:
            self._take_closed_cohorts(test, matchup)
            test = self._store.tests()[test.number - 1]
        return gate_status(test)

    def _begin(self, matchup: Matchup, tests: list[GateTest]) -> str:
        """Freeze a plan based on matured decisions, if possible; return what the test is waiting for, in one line."""
        # The plan may use only cohorts before the test, so the test begins with the first cohort that has not closed.
        timing = cohort_timing(self._gate, starts_ms=0)
        starts_ms = max(0, (matchup.complete_ms - timing.closing_ms) // timing.cohort_ms * timing.cohort_ms)
        timing = cohort_timing(self._gate, starts_ms=starts_ms)
        try:
            before = load_pairs(self._engine, matchup, since=0, until=starts_ms, maturity_ms=timing.maturity_ms)
            costs = capped_costs(self._gate, self._gate.cap_minor or default_cap(before))
            alpha = next_alpha([each.verdict == "promote" for each in tests])
            plan = freeze_plan(matchup.challenger.bundle_sha256, before, timing, costs, alpha=alpha)
        except DataError as error:
            return str(error)
        now_ms = self._clock.now_ms()
        if not self._store.begin(matchup.champion, matchup.challenger, plan, after=len(tests), now_ms=now_ms):
            return "another test was begun at the same time; the next evaluation begins this one"
        log.info("gate test of %s begins at %d ms, alpha %.3g", matchup.challenger.bundle_sha256[:12], starts_ms, alpha)
        return "its plan is frozen; the test begins with the next cohort"

    def _take_closed_cohorts(self, test: GateTest, matchup: Matchup) -> None:
        timing, earlier, complete_ms = test.plan.timing, self._store.evidence(test), matchup.complete_ms
        from_ms = earlier[-1].end_ms if earlier else timing.starts_ms
        if complete_ms - timing.closing_ms < from_ms + timing.cohort_ms:
            return  # no cohort has closed since
        since, until = from_ms - timing.spell_ms, complete_ms - timing.maturity_ms
        pairs = load_pairs(self._engine, matchup, since=since, until=until, maturity_ms=timing.maturity_ms)
        taken = [
            take_evidence(test.plan.measure, cohort)
            for cohort in closed_cohorts(pairs, timing, from_ms=from_ms, watermark_ms=complete_ms)
        ]
        result = evaluate_gate(test.plan, [*earlier, *taken], self._measure_health(matchup.bundle))
        if self._store.add_evidence(test, taken, result, after=len(earlier), now_ms=self._clock.now_ms()):
            log.info("challenger %s: %s, %s", test.challenger.bundle_sha256[:12], result.verdict, result.reason)


def find_gate_test(tests: list[GateTest], matchup: Matchup) -> GateTest | None:
    """Return the gate test for a matchup; None if this test has not begun."""
    models = (matchup.champion, matchup.challenger)
    return next((test for test in tests if (test.champion, test.challenger) == models), None)


def gate_status(test: GateTest) -> GateStatus:
    """Return the state of a test that has begun."""
    timing = test.plan.timing
    closing_ms = timing.starts_ms + timing.cohort_ms + timing.closing_ms
    waiting = "" if test.judgement else f"its first cohort closes when event time reaches {closing_ms} ms"
    return GateStatus(test.champion, test.challenger, test.number, test.judgement, waiting)


def cohort_timing(gate: GateSettings, *, starts_ms: int) -> CohortTiming:
    """Return how the settings divide the stream into cohorts, from a start given as event time in UTC milliseconds."""
    return CohortTiming(
        starts_ms,
        maturity_ms=gate.maturity_days * DAY_MS,
        cohort_ms=gate.cohort_hours * HOUR_MS,
        spell_ms=gate.spell_hours * HOUR_MS,
    )


def capped_costs(gate: GateSettings, cap_minor: int) -> CappedCosts:
    """Return the costs of verdicts from the settings, with a cap on the amount of a single fraud, in minor units."""
    return CappedCosts(
        cap_minor,
        review_cost_minor=gate.review_cost_minor,
        false_decline_cost_minor=gate.false_decline_cost_minor,
    )

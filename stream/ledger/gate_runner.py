"""The verdict beside the ledger: each challenger's test is begun, fed each cohort once it closed, and judged."""

import logging
from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import Engine

from schemas.errors import DataError
from schemas.messages import BundleRef
from stream.clock import Clock
from stream.evaluation.alpha import next_alpha
from stream.evaluation.cohorts import Timing, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import Judgement, judge
from stream.evaluation.guardrails import Observed
from stream.evaluation.plan import freeze, usual_cap
from stream.ledger.gate_store import GateStore, GateTest
from stream.ledger.history import ModelIdentity
from stream.ledger.matchups import Contest, contests, pairs_of
from stream.settings import Settings

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

#: Measures what pairs do not show, of a challenger's bundle.
Observe = Callable[[BundleRef], Observed]


class Ruling(Struct, frozen=True):
    """What is known of one challenger's test."""

    champion: ModelIdentity
    challenger: ModelIdentity
    #: None before its plan could be frozen.
    test: int | None
    judgement: Judgement | None
    #: What is waited for, where there is no judgement yet; one line.
    waiting: str = ""


class Referee:
    """Looks at every challenger of the roles in use.

    Args:
        engine: The ledger's database, up to date.
        settings: Maturity, cohorts and costs.
        clock: When a plan was frozen and evidence was taken.
        observe: What pairs do not show.
    """

    def __init__(self, engine: Engine, settings: Settings, clock: Clock, observe: Observe) -> None:
        self._engine, self._settings, self._clock, self._observe = engine, settings, clock, observe
        self._store = GateStore(engine)

    def look(self) -> list[Ruling]:
        """Judge each challenger on the cohorts that have closed; one look costs little when none has.

        Raises:
            LedgerAwayError: If the database does not answer.
        """
        return [self._rule(contest) for contest in contests(self._engine)]

    def _rule(self, contest: Contest) -> Ruling:
        tests = self._store.tests()
        test = find_test(tests, contest)
        if test is None:
            return Ruling(contest.champion, contest.challenger, None, None, self._begin(contest, tests))
        if test.verdict is None:
            self._feed(test, contest)
            test = self._store.tests()[test.number - 1]
        return ruling(test)

    def _begin(self, contest: Contest, tests: list[GateTest]) -> str:
        """Freeze a plan on what is matured already; return what is still missing for that."""
        # Everything that was looked at lies before the test: it begins at the first border that has not closed.
        timing = timing_of(self._settings, starts_ms=0)
        starts_ms = max(0, (contest.complete_ms - timing.closing_ms) // timing.cohort_ms * timing.cohort_ms)
        timing = timing_of(self._settings, starts_ms=starts_ms)
        try:
            before = pairs_of(self._engine, contest, since=0, until=starts_ms, maturity_ms=timing.maturity_ms)
            costs = costs_of(self._settings, self._settings.gate.cap_minor or usual_cap(before))
            alpha = next_alpha([each.verdict == "promote" for each in tests])
            plan = freeze(contest.challenger.bundle_sha256, before, timing, costs, alpha=alpha)
        except DataError as error:
            return str(error)
        now_ms = self._clock.now_ms()
        if not self._store.begin(contest.champion, contest.challenger, plan, after=len(tests), now_ms=now_ms):
            return "another test was begun at the same moment; the next look begins this one"
        log.info("the test of %s begins at %d ms, level %.3g", contest.challenger.bundle_sha256[:12], starts_ms, alpha)
        return "its plan is frozen; the test begins with the next cohort"

    def _feed(self, test: GateTest, contest: Contest) -> None:
        timing, known, complete = test.plan.timing, self._store.evidence(test), contest.complete_ms
        from_ms = known[-1].end_ms if known else timing.starts_ms
        if complete - timing.closing_ms < from_ms + timing.cohort_ms:
            return  # nothing has closed since
        since, until = from_ms - timing.spell_ms, complete - timing.maturity_ms
        pairs = pairs_of(self._engine, contest, since=since, until=until, maturity_ms=timing.maturity_ms)
        taken = [
            take_evidence(test.plan.measure, cohort)
            for cohort in closed_cohorts(pairs, timing, from_ms=from_ms, watermark_ms=complete)
        ]
        judgement = judge(test.plan, [*known, *taken], self._observe(contest.bundle))
        if self._store.keep(test, taken, judgement, known=len(known), now_ms=self._clock.now_ms()):
            log.info("challenger %s: %s, %s", test.challenger.bundle_sha256[:12], judgement.verdict, judgement.reason)


def find_test(tests: list[GateTest], contest: Contest) -> GateTest | None:
    """Return a contest's test, None before it was begun."""
    models = (contest.champion, contest.challenger)
    return next((test for test in tests if (test.champion, test.challenger) == models), None)


def ruling(test: GateTest) -> Ruling:
    """Return what a test has come to."""
    timing = test.plan.timing
    closing_ms = timing.starts_ms + timing.cohort_ms + timing.closing_ms
    waiting = "" if test.judgement else f"its first cohort closes when event time reaches {closing_ms} ms"
    return Ruling(test.champion, test.challenger, test.number, test.judgement, waiting)


def timing_of(settings: Settings, *, starts_ms: int) -> Timing:
    """Return how the settings cut the stream into cohorts."""
    return Timing(
        starts_ms,
        maturity_ms=settings.gate.maturity_days * DAY_MS,
        cohort_ms=settings.gate.cohort_hours * HOUR_MS,
        spell_ms=settings.gate.spell_hours * HOUR_MS,
    )


def costs_of(settings: Settings, cap_minor: int) -> CappedCosts:
    """Return what verdicts cost by the settings, with a cap in minor units."""
    return CappedCosts(
        cap_minor,
        review_cost_minor=settings.gate.review_cost_minor,
        false_decline_cost_minor=settings.gate.false_decline_cost_minor,
    )

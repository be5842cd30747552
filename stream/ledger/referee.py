"""The verdict beside the ledger: each challenger's test is begun, fed each cohort once it closed, and judged."""

import logging
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, select

from schemas.errors import DataError
from schemas.messages import Exploration, ModelUpdate, Policy
from stream.clock import Clock
from stream.evaluation.alpha import next_alpha
from stream.evaluation.cohorts import Pairs, Timing, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.evidence import take_evidence
from stream.evaluation.gate import Judgement, judge
from stream.evaluation.guardrails import Observed
from stream.evaluation.plan import freeze, usual_cap
from stream.ledger.database import reading
from stream.ledger.gate_store import GateStore, GateTest
from stream.ledger.pairs import as_pairs
from stream.ledger.repository import ModelIdentity, matured, watermark
from stream.ledger.tables import decisions, role_changes, shadow_scores
from stream.settings import Settings

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_update = msgspec.json.Decoder(ModelUpdate)

#: Measures what pairs do not show, of a challenger.
Observe = Callable[[ModelIdentity], Observed]


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
        updates, complete = self._updates(), watermark(self._engine)
        if not updates or complete is None:
            return []
        newest = updates[max(updates)]
        explorations = {epoch: update.exploration for epoch, update in updates.items()}
        champion = self._identity(newest, newest.champion.sha256, newest.policy)
        return [
            self._rule(champion, self._identity(newest, each.bundle.sha256, each.policy), explorations, complete)
            for each in newest.challengers
        ]

    def _rule(
        self,
        champion: ModelIdentity,
        challenger: ModelIdentity,
        explorations: Mapping[int, Exploration | None],
        complete: int,
    ) -> Ruling:
        tests = self._store.tests()
        test = next((each for each in tests if (each.champion, each.challenger) == (champion, challenger)), None)
        if test is None:
            waiting = self._begin(champion, challenger, explorations, complete, tests)
            return Ruling(champion, challenger, None, None, waiting)
        if test.verdict is None:
            self._feed(test, explorations, complete)
            test = self._store.tests()[test.number - 1]
        closing_ms = test.plan.timing.starts_ms + test.plan.timing.cohort_ms + test.plan.timing.closing_ms
        waiting = "" if test.judgement else f"its first cohort closes when event time reaches {closing_ms} ms"
        return Ruling(champion, challenger, test.number, test.judgement, waiting)

    def _begin(
        self,
        champion: ModelIdentity,
        challenger: ModelIdentity,
        explorations: Mapping[int, Exploration | None],
        complete: int,
        tests: list[GateTest],
    ) -> str:
        """Freeze a plan on what is matured already; return what is still missing for that."""
        settings, now_ms = self._settings, self._clock.now_ms()
        timing = Timing(
            0,
            maturity_ms=settings.gate_maturity_days * DAY_MS,
            cohort_ms=settings.gate_cohort_hours * HOUR_MS,
            spell_ms=settings.gate_spell_hours * HOUR_MS,
        )
        # Everything that was looked at lies before the test: it begins at the first border that has not closed.
        starts_ms = (complete - timing.closing_ms) // timing.cohort_ms * timing.cohort_ms
        timing = msgspec.structs.replace(timing, starts_ms=max(0, starts_ms))
        try:
            before = self._pairs(champion, challenger, explorations, complete, timing, since=0, until=starts_ms)
            plan = freeze(
                challenger.bundle_sha256,
                before,
                timing,
                CappedCosts(
                    settings.gate_cap_minor or usual_cap(before),
                    review_cost_minor=settings.gate_review_cost_minor,
                    false_decline_cost_minor=settings.gate_false_decline_cost_minor,
                ),
                alpha=next_alpha([each.verdict == "promote" for each in tests]),
            )
        except DataError as error:
            return str(error)
        if not self._store.begin(champion, challenger, plan, after=len(tests), now_ms=now_ms):
            return "another test was begun at the same moment; the next look begins this one"
        log.info("the test of %s begins at %d ms, level %.3g", challenger.bundle_sha256[:12], starts_ms, plan.alpha)
        return "its plan is frozen; the test begins with the next cohort"

    def _feed(self, test: GateTest, explorations: Mapping[int, Exploration | None], complete: int) -> None:
        timing, known = test.plan.timing, self._store.evidence(test)
        from_ms = known[-1].end_ms if known else timing.starts_ms
        if complete - timing.closing_ms < from_ms + timing.cohort_ms:
            return  # nothing has closed since
        since, until = from_ms - timing.spell_ms, complete - timing.maturity_ms
        pairs = self._pairs(test.champion, test.challenger, explorations, complete, timing, since=since, until=until)
        taken = [
            take_evidence(test.plan.measure, cohort)
            for cohort in closed_cohorts(pairs, timing, from_ms=from_ms, watermark_ms=complete)
        ]
        judgement = judge(test.plan, [*known, *taken], self._observe(test.challenger))
        if self._store.keep(test, taken, judgement, known=len(known), now_ms=self._clock.now_ms()):
            log.info("challenger %s: %s, %s", test.challenger.bundle_sha256[:12], judgement.verdict, judgement.reason)

    def _pairs(
        self,
        champion: ModelIdentity,
        challenger: ModelIdentity,
        explorations: Mapping[int, Exploration | None],
        complete: int,
        timing: Timing,
        *,
        since: int,
        until: int,
    ) -> Pairs:
        rows = matured(self._engine, champion=champion, challenger=challenger, since=since, until=until)
        return as_pairs(rows, explorations, watermark_ms=complete, maturity_ms=timing.maturity_ms)

    def _updates(self) -> dict[int, ModelUpdate]:
        with reading(self._engine) as connection:
            found = connection.execute(select(role_changes.c.epoch, role_changes.c.body)).all()
        return {epoch: _update.decode(body) for epoch, body in found}

    def _identity(self, update: ModelUpdate, sha256: str, policy: Policy | None) -> ModelIdentity:
        """Name a model with its policy; that of its manifest is what its newest rows say."""
        if policy is not None:
            return ModelIdentity(sha256, policy.version)
        named = [update.policy, *(each.policy for each in update.challengers)]
        given = [each.version for each in named if each is not None]
        with reading(self._engine) as connection:
            for table in (shadow_scores, decisions):
                own = (table.c.bundle_sha256 == sha256) & table.c.policy_version.not_in(given)
                newest = select(table.c.policy_version).where(own).order_by(table.c.ingested_at_ms.desc()).limit(1)
                if found := connection.execute(newest).scalar():
                    return ModelIdentity(sha256, found)
        return ModelIdentity(sha256, "")

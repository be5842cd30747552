"""Two models on one stream of cards: what is true about them is known, so the gate can be held to it.

A model's evidence is normal: mean 0 for a legitimate transaction, `strength` for a fraud. Its score is the probability
of fraud that follows by Bayes, so it is calibrated. Part of the noise is the spell's of frauds on one card, part of it
both models' own, so frauds of a card are caught or missed together.
"""

import math
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.evaluation.alpha import next_alpha
from stream.evaluation.cohorts import DAY_MS, CohortTiming, Pairs, closed_cohorts
from stream.evaluation.costs import CappedCosts
from stream.evaluation.evidence import Evidence, take_evidence
from stream.evaluation.guardrails import ServingHealth
from stream.evaluation.plan import GuardrailLimits, Plan, freeze_plan, default_cap

HOUR_MS = 3_600_000
MATURITY_MS = 30 * DAY_MS
#: Healthy, so that only what pairs show decides.
OBSERVED = ServingHealth(latency_p99_ms=1.0, parity_gap=0.0)
#: Weeks before the test, and of the test.
BEFORE, TESTED = 8, 14
STARTS_MS = BEFORE * 7 * DAY_MS


@dataclass(frozen=True)
class World:
    """What is true. The default: 1,000 tested frauds, and two models alike.

    Each catches 70 % of the frauds, at 4 % false alarms; one alert in two is right. The two judge 11 % of the frauds
    differently.
    """

    strength: tuple[float, float] = (2.275, 2.275)
    #: Of champion and challenger: evidence from which they review.
    alerts_from: tuple[float, float] = (1.751, 1.751)
    #: Of the noise's variance: shared by both models, for the whole spell and for each transaction alone; and each
    #: model's own for the whole spell. The rest is each model's own for each transaction.
    shared_spell: float = 0.55
    shared_alone: float = 0.37
    own_spell: float = 0.04
    #: Mean number of frauds in a spell on one card; they come a few hours apart, over borders of cohorts too.
    spell: float = 1.5
    #: Of the logarithm of a fraud's amount.
    amount_sigma: float = 1.3
    frauds: int = round(1000 * (BEFORE + TESTED) / TESTED)
    legitimate_per_fraud: int = 18
    review_cost_minor: int = 500
    #: None: the usual one of the weeks before.
    cap_minor: int | None = None
    #: Spells come in campaigns of this many cards, which each model catches or misses together.
    campaign: int = 1
    #: Days over which the cards of a campaign are hit.
    campaign_days: int = 0


@dataclass(frozen=True)
class Run:
    """One history of a world: pairs in no order, and when each outcome became known."""

    pairs: Pairs
    known_at_ms: NDArray[np.int64]


def play(world: World, random: np.random.Generator) -> Run:
    """Return one history; champion and challenger differ in nothing but the world's pairs of settings."""
    spells = round(world.frauds / world.spell)
    sizes = random.geometric(1 / world.spell, spells)
    of_spell = np.repeat(np.arange(spells), sizes)
    frauds, legitimate = len(of_spell), world.legitimate_per_fraud * world.frauds
    weeks = (BEFORE + TESTED) * 7 * DAY_MS
    started = np.repeat(random.integers(weeks, size=math.ceil(spells / world.campaign)), world.campaign)[:spells]
    if world.campaign_days:
        started += random.integers(world.campaign_days * DAY_MS, size=spells)
    apart = random.exponential(8 * HOUR_MS, frauds)
    nth = np.arange(frauds) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    fraud_time = started[of_spell] + (nth * apart).astype(np.int64)
    count = frauds + legitimate
    evidence = np.stack(_evidence(world, of_spell, count, random))
    fraud = np.arange(count) < frauds
    evidence += np.array(world.strength)[:, np.newaxis] * fraud
    odds = frauds / legitimate
    strength = np.array(world.strength)[:, np.newaxis]
    scores = 1 / (1 + np.exp(strength**2 / 2 - strength * evidence) / odds)
    verdicts = (evidence >= np.array(world.alerts_from)[:, np.newaxis]).astype(np.int8)
    sigma = np.where(fraud, world.amount_sigma, 1.2)
    event_time = np.concatenate([fraud_time, random.integers(weeks, size=legitimate)])
    delay = np.minimum(random.exponential(8 * DAY_MS, count).astype(np.int64), MATURITY_MS)
    pairs = Pairs(
        event_time_ms=event_time,
        # Cards of frauds are hit once; others pay every few days.
        card=np.concatenate([of_spell, spells + random.integers(legitimate // 10, size=legitimate)]),
        amount_minor=np.exp(math.log(5000) + sigma * random.standard_normal(count)).astype(np.int64),
        champion_verdict=verdicts[0],
        champion_score=scores[0],
        challenger_verdict=verdicts[1],
        challenger_score=scores[1],
        outcome=fraud.astype(np.int8),
        weight=np.ones(count),
        unobservable=np.zeros(count, dtype=np.bool_),
    )
    return Run(pairs, event_time + np.where(fraud, delay, MATURITY_MS))


def evidence_of(
    world: World, run: Run, *, plan: Plan | None = None, by_arrival: bool = False
) -> tuple[Plan, list[Evidence]]:
    """Freeze a plan on the weeks before, or take one, and take the evidence of every tested cohort.

    Args:
        world: Of the run.
        run: One history.
        plan: None: frozen on the weeks before.
        by_arrival: Cut cohorts by when outcomes become known, as a gate does that takes labels as they come.
    """
    pairs = run.pairs
    if plan is None:
        plan = plan_on(world, pairs.take(pairs.event_time_ms < STARTS_MS))
    timing = plan.timing
    if by_arrival:
        known = replace(pairs, event_time_ms=run.known_at_ms).take(pairs.event_time_ms >= STARTS_MS)
        pairs, timing = known, msgspec.structs.replace(timing, spell_ms=0)
    cohorts = closed_cohorts(
        pairs,
        timing,
        from_ms=timing.starts_ms,
        watermark_ms=STARTS_MS + TESTED * 7 * DAY_MS + timing.closing_ms,
    )
    return plan, [take_evidence(plan.measure, cohort) for cohort in cohorts]


def plan_on(world: World, before: Pairs) -> Plan:
    """Return the plan with limits so wide that they stop nothing: the tests themselves are on trial."""
    costs = CappedCosts(world.cap_minor or default_cap(before), world.review_cost_minor)
    plan = freeze_plan("challenger", before, CohortTiming(STARTS_MS, MATURITY_MS), costs, alpha=next_alpha([]))
    return msgspec.structs.replace(plan, limits=GuardrailLimits(alert_rate_ratio=1e6, calibration_ratio=1e6))


def balanced(world: World) -> World:
    """Return the world with the cost of a review at which both models cost the same, by a long history.

    200,000 frauds leave the means a fifteenth of a test's standard error apart, either way.
    """
    gain, reviews = 0.0, 0.0
    costs = CappedCosts(20_000, review_cost_minor=0)
    for seed in range(10):
        pairs = play(replace(world, frauds=20_000), np.random.default_rng([1, seed])).pairs
        champion, challenger = (
            costs.cost_of(verdicts, pairs.fraud, pairs.amount_minor).sum()
            for verdicts in (pairs.champion_verdict, pairs.challenger_verdict)
        )
        gain += champion - challenger
        reviews += float(pairs.challenger_verdict.sum()) - float(pairs.champion_verdict.sum())
    return replace(world, cap_minor=costs.cap_minor, review_cost_minor=round(gain / reviews))


def _evidence(
    world: World, of_spell: NDArray[np.intp], count: int, random: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return both models' noise, (count,) each of variance 1; frauds come first."""
    spells = int(of_spell.max()) + 1
    shared = math.sqrt(world.shared_spell) * _of_spells(world, of_spell, spells, count, random)
    shared += math.sqrt(world.shared_alone) * random.standard_normal(count)
    own_alone = math.sqrt(1 - world.shared_spell - world.shared_alone - world.own_spell)
    return [
        shared
        + math.sqrt(world.own_spell) * _of_spells(world, of_spell, spells, count, random)
        + own_alone * random.standard_normal(count)
        for _ in range(2)
    ]


def _of_spells(
    world: World, of_spell: NDArray[np.intp], spells: int, count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return (count,) standard normal numbers, one for all frauds of a spell, or of a campaign of spells."""
    per_spell = np.repeat(random.standard_normal(math.ceil(spells / world.campaign)), world.campaign)
    return np.concatenate([per_spell[of_spell], random.standard_normal(count - len(of_spell))])

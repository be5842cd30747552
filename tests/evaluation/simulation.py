"""Simulates two models on one stream of cards with known properties, to check the gate against the truth.

Each model observes a normal signal, with mean 0 for a legitimate transaction and `strength` for a fraud. The model's
score is the probability of fraud that follows by Bayes' rule, so it is calibrated. Some of the noise is shared by the
frauds in a spell on one card, and some by both models, so frauds on a card are caught or missed together.
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
from stream.evaluation.plan import GuardrailLimits, Plan, default_cap, freeze_plan

HOUR_MS = 3_600_000
MATURITY_MS = 30 * DAY_MS
#: Production metrics within all limits, so that only the pairs decide.
HEALTHY = ServingHealth(latency_p99_ms=1.0, parity_gap=0.0)
#: Numbers of weeks before the test and in the test.
BEFORE, TESTED = 8, 14
STARTS_MS = BEFORE * 7 * DAY_MS


@dataclass(frozen=True)
class World:
    """The true properties of a stream and two models; by default, 1,000 tested frauds and two equal models.

    By default, each model catches 70 % of the frauds at 4 % false alarms, half of its alerts are right, and the models
    differ on 11 % of the frauds.
    """

    #: Mean signal that the champion and the challenger observe for a fraud.
    strength: tuple[float, float] = (2.275, 2.275)
    #: Signal from which the champion and the challenger review.
    alerts_from: tuple[float, float] = (1.751, 1.751)
    #: Shares of the noise's variance: common to both models for a whole spell, common to both models for each
    #: transaction, and separate for each model for a whole spell. The remainder is separate for each model and
    #: transaction.
    shared_spell: float = 0.55
    shared_alone: float = 0.37
    own_spell: float = 0.04
    #: Mean number of frauds in a spell on one card; the frauds are a few hours apart, also across cohort boundaries.
    spell: float = 1.5
    #: Standard deviation of the logarithm of a fraud's amount.
    amount_sigma: float = 1.3
    frauds: int = round(1000 * (BEFORE + TESTED) / TESTED)
    legitimate_per_fraud: int = 18
    review_cost_minor: int = 500
    #: Cap on a fraud's loss; None for the default cap from the weeks before the test.
    cap_minor: int | None = None
    #: Number of cards in a campaign; each model catches or misses the frauds of a campaign together.
    campaign: int = 1
    #: Days over which the cards of a campaign are hit.
    campaign_days: int = 0


@dataclass(frozen=True)
class History:
    """One simulated history: pairs in no particular order, and the time at which each outcome became known."""

    pairs: Pairs
    known_at_ms: NDArray[np.int64]


def simulate_history(world: World, random: np.random.Generator) -> History:
    """Simulate one history, in which champion and challenger differ only in `strength` and `alerts_from`."""
    spells = round(world.frauds / world.spell)
    sizes = random.geometric(1 / world.spell, spells)
    spell_of = np.repeat(np.arange(spells), sizes)
    frauds, legitimate = len(spell_of), world.legitimate_per_fraud * world.frauds
    weeks = (BEFORE + TESTED) * 7 * DAY_MS
    started = np.repeat(random.integers(weeks, size=math.ceil(spells / world.campaign)), world.campaign)[:spells]
    if world.campaign_days:
        started += random.integers(world.campaign_days * DAY_MS, size=spells)
    gaps = random.exponential(8 * HOUR_MS, frauds)
    nth = np.arange(frauds) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    fraud_time = started[spell_of] + (nth * gaps).astype(np.int64)
    count = frauds + legitimate
    signal = np.stack(_noise(world, spell_of, count, random))
    fraud = np.arange(count) < frauds
    signal += np.array(world.strength)[:, np.newaxis] * fraud
    odds = frauds / legitimate
    strength = np.array(world.strength)[:, np.newaxis]
    scores = 1 / (1 + np.exp(strength**2 / 2 - strength * signal) / odds)
    verdicts = (signal >= np.array(world.alerts_from)[:, np.newaxis]).astype(np.int8)
    sigma = np.where(fraud, world.amount_sigma, 1.2)
    event_time = np.concatenate([fraud_time, random.integers(weeks, size=legitimate)])
    delay = np.minimum(random.exponential(8 * DAY_MS, count).astype(np.int64), MATURITY_MS)
    pairs = Pairs(
        event_time_ms=event_time,
        # Cards with frauds have one spell; the others pay every few days.
        card=np.concatenate([spell_of, spells + random.integers(legitimate // 10, size=legitimate)]),
        amount_minor=np.exp(math.log(5000) + sigma * random.standard_normal(count)).astype(np.int64),
        champion_verdict=verdicts[0],
        champion_score=scores[0],
        challenger_verdict=verdicts[1],
        challenger_score=scores[1],
        outcome=fraud.astype(np.int8),
        weight=np.ones(count),
        unobservable=np.zeros(count, dtype=np.bool_),
    )
    return History(pairs, event_time + np.where(fraud, delay, MATURITY_MS))


def evidence_of(
    world: World, history: History, *, plan: Plan | None = None, by_arrival: bool = False
) -> tuple[Plan, list[Evidence]]:
    """Return the plan of the test and the evidence from every tested cohort.

    Args:
        world: World in which the history was simulated.
        history: Simulated history to take evidence from.
        plan: Plan to use; None to freeze a plan on the weeks before the test.
        by_arrival: Whether to cut cohorts by the time at which outcomes become known, as a naive gate would.
    """
    pairs = history.pairs
    if plan is None:
        plan = plan_on(world, pairs.take(pairs.event_time_ms < STARTS_MS))
    timing = plan.timing
    if by_arrival:
        by_label_time = replace(pairs, event_time_ms=history.known_at_ms).take(pairs.event_time_ms >= STARTS_MS)
        pairs, timing = by_label_time, msgspec.structs.replace(timing, spell_ms=0)
    cohorts = closed_cohorts(
        pairs,
        timing,
        from_ms=timing.starts_ms,
        watermark_ms=STARTS_MS + TESTED * 7 * DAY_MS + timing.closing_ms,
    )
    return plan, [take_evidence(plan.measure, cohort) for cohort in cohorts]


def plan_on(world: World, before: Pairs) -> Plan:
    """Return a plan frozen on the weeks before the test, with limits so wide that only the tests decide."""
    costs = CappedCosts(world.cap_minor or default_cap(before), world.review_cost_minor)
    plan = freeze_plan("challenger", before, CohortTiming(STARTS_MS, MATURITY_MS), costs, alpha=next_alpha([]))
    return msgspec.structs.replace(plan, limits=GuardrailLimits(alert_rate_ratio=1e6, calibration_ratio=1e6))


def balanced(world: World) -> World:
    """Return the world with the review cost at which both models cost the same, estimated from a long history.

    With 200,000 frauds, the means differ by at most a fifteenth of a test's standard error.
    """
    gain, reviews = 0.0, 0.0
    costs = CappedCosts(20_000, review_cost_minor=0)
    for seed in range(10):
        pairs = simulate_history(replace(world, frauds=20_000), np.random.default_rng([1, seed])).pairs
        champion, challenger = (
            costs.cost_of(verdicts, pairs.fraud, pairs.amount_minor).sum()
            for verdicts in (pairs.champion_verdict, pairs.challenger_verdict)
        )
        gain += champion - challenger
        reviews += float(pairs.challenger_verdict.sum()) - float(pairs.champion_verdict.sum())
    return replace(world, cap_minor=costs.cap_minor, review_cost_minor=round(gain / reviews))


def _noise(
    world: World, spell_of: NDArray[np.intp], count: int, random: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return the (count,) noise of each model, with variance 1; frauds come first."""
    spells = int(spell_of.max()) + 1
    shared = math.sqrt(world.shared_spell) * _per_spell(world, spell_of, spells, count, random)
    shared += math.sqrt(world.shared_alone) * random.standard_normal(count)
    own_alone = math.sqrt(1 - world.shared_spell - world.shared_alone - world.own_spell)
    return [
        shared
        + math.sqrt(world.own_spell) * _per_spell(world, spell_of, spells, count, random)
        + own_alone * random.standard_normal(count)
        for _ in range(2)
    ]


def _per_spell(
    world: World, spell_of: NDArray[np.intp], spells: int, count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return (count,) standard normal numbers that are the same for all frauds in a spell or campaign."""
    per_spell = np.repeat(random.standard_normal(math.ceil(spells / world.campaign)), world.campaign)
    return np.concatenate([per_spell[spell_of], random.standard_normal(count - len(spell_of))])

"""Evidence from a cohort equals values computed by hand, even if scores or the outcomes of declines are missing."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from stream.evaluation.cohorts import MISSING, Cohort, Pairs
from stream.evaluation.evidence import Evidence, label_revisions, take_evidence
from stream.evaluation.outcome import Outcome
from stream.evaluation.weights import is_unobservable, weights
from tests.evaluation.sample_evidence import MEASURE, pairs


def evidence_of(cohort_pairs: Pairs) -> Evidence:
    """Return the evidence of a cohort with these pairs."""
    return take_evidence(MEASURE, Cohort(0, 10, cohort_pairs))


def test_the_figures_equal_those_computed_by_hand() -> None:
    """Evidence from four transactions equals the values computed by hand.

    The champion misses the larger of two frauds, whose loss is capped; the challenger reviews this fraud and one
    legitimate transaction.
    """
    cohort_pairs = pairs(
        4,
        amount_minor=[50_000, 4000, 1000, 1000],
        outcome=[Outcome.FRAUD, Outcome.FRAUD, Outcome.LEGITIMATE, Outcome.LEGITIMATE_BY_MATURITY],
        champion_verdict=[0, 2, 0, 2],
        challenger_verdict=[1, 2, 1, 0],
        challenger_score=[0.5, 0.25, 0.5, 0.0],
    )
    assert evidence_of(cohort_pairs) == Evidence(
        0,
        10,
        transactions=4,
        frauds=2,
        missing=0,
        differing=3,
        undecided=0,
        champion_alerts=2,
        challenger_alerts=3,
        weight=4.0,
        fraud_weight=2.0,
        scored_frauds=2.0,
        expected_frauds=1.25,
        champion_cost_minor=10_000 + 0 + 0 + 2000,
        challenger_cost_minor=(500 + 2500) + 0 + 500 + 0,
        # At equal alert rate, the challenger alerts from a score of 0.5.
        champion_caught=1.0,
        challenger_caught=1.0,
    )


def test_without_a_challenger_s_score_the_champion_s_verdict_counts() -> None:
    """A transaction without the challenger's score, as occurs in a split, counts as missing and favours no model."""
    cohort_pairs = pairs(
        2,
        outcome=[Outcome.FRAUD, Outcome.FRAUD],
        champion_verdict=[1, 0],
        challenger_verdict=[MISSING, MISSING],
        challenger_score=[np.nan, np.nan],
    )
    evidence = evidence_of(cohort_pairs)
    assert (evidence.missing, evidence.differing, evidence.scored_frauds, evidence.expected_frauds) == (2, 0, 0.0, 0.0)
    assert evidence.champion_cost_minor == evidence.challenger_cost_minor
    assert (evidence.champion_caught, evidence.challenger_caught, evidence.challenger_alerts) == (1.0, 1.0, 1)


def test_weights_are_applied() -> None:
    """An explored decline represents other declines; a censored decline has no weight but counts as undecided."""
    cohort_pairs = pairs(
        3,
        outcome=[Outcome.FRAUD, Outcome.CENSORED, Outcome.WAITING],
        champion_verdict=[2, 2, 0],
        challenger_verdict=[0, 0, 0],
        weight=[4.0, 0.0, 0.0],
        unobservable=[False, True, False],
    )
    evidence = evidence_of(cohort_pairs)
    assert (evidence.frauds, evidence.fraud_weight, evidence.weight, evidence.undecided) == (1, 4.0, 4.0, 1)
    assert (evidence.champion_cost_minor, evidence.challenger_cost_minor) == (0.0, 4000.0)


def test_an_empty_cohort_has_no_weight() -> None:
    """Evidence can be taken from an empty cohort, and has a weight of 0."""
    assert evidence_of(pairs(0)).weight == 0.0


def test_a_label_that_changed_later_is_reported() -> None:
    """A label that changed later is reported with the earlier and the current value of each changed field."""
    then = pairs(2, champion_verdict=[0, 1], challenger_verdict=[0, 0])
    now = replace(then, outcome=np.array([Outcome.FRAUD, Outcome.LEGITIMATE], dtype=np.int8))
    assert label_revisions(evidence_of(then), evidence_of(then)) == {}
    assert label_revisions(evidence_of(then), evidence_of(now)) == {
        "frauds": (0.0, 1.0),
        "champion_cost_minor": (500.0, 1500.0),
        "challenger_cost_minor": (0.0, 1000.0),
    }


def test_evidence_survives_json() -> None:
    """Evidence survives JSON, in which the ledger writes it when the cohort closes and reads it at each evaluation."""
    evidence = evidence_of(pairs(3))
    assert msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence) == evidence


class TestRankingWithUnknownDeclines:
    """Two models keep their ranking, whether or not the outcomes of declines become known.

    The champion rightly declines most frauds; the challenger approves three in four of these. Nobody reports a fraud
    that was declined, so judged by labels alone the champion seems to prevent nothing.
    """

    COUNT, SHARE = 200_000, 0.25

    @pytest.fixture
    def truth(self) -> Pairs:
        """Pairs with every outcome known, which never happens in reality."""
        random = np.random.default_rng(3)
        fraud = random.random(self.COUNT) < 0.02
        declines = np.where(fraud, random.random(self.COUNT) < 0.8, random.random(self.COUNT) < 0.002)
        agrees = random.random(self.COUNT) < 0.25
        # The challenger catches a few frauds that the champion misses.
        own = fraud & ~declines & (random.random(self.COUNT) < 0.5)
        return pairs(
            self.COUNT,
            amount_minor=random.integers(1000, 9000, self.COUNT),
            champion_verdict=2 * declines,
            challenger_verdict=2 * ((declines & agrees) | own),
            outcome=np.where(fraud, Outcome.FRAUD, Outcome.LEGITIMATE_BY_MATURITY),
        )

    @staticmethod
    def gain(cohort_pairs: Pairs) -> float:
        """Return how much less the challenger costs than the champion, in minor units per transaction."""
        evidence = evidence_of(cohort_pairs)
        return (evidence.champion_cost_minor - evidence.challenger_cost_minor) / evidence.weight

    def observed(self, truth: Pairs, labelled: float, share: float) -> Pairs:
        """Return pairs in which a `share` of declines is explored; labels resolve some of the other legitimate ones."""
        random = np.random.default_rng(4)
        declines = truth.champion_verdict == 2
        explored = declines & (random.random(self.COUNT) < share)
        # Nobody complains about a declined fraud, but legitimate customers who are declined do.
        complains = declines & ~explored & ~truth.fraud & (random.random(self.COUNT) < labelled)
        outcome = np.where(declines & ~explored & ~complains, Outcome.CENSORED, truth.outcome).astype(np.int8)
        shares = np.full(self.COUNT, share)
        return replace(
            truth,
            outcome=outcome,
            weight=weights(outcome, declines, explored, shares),
            unobservable=is_unobservable(outcome, declines, shares),
        )

    def test_explored_declines_represent_all(self, truth: Pairs) -> None:
        """With exploration, the true ranking is found with or without labels on declines.

        The gain is within four standard errors, 16 %.
        """
        true = self.gain(truth)
        assert true < 0
        without_labels, with_labels = (self.gain(self.observed(truth, labelled, self.SHARE)) for labelled in (0.0, 0.9))
        assert without_labels == with_labels == pytest.approx(true, rel=0.16)

    def test_without_exploration_the_wrong_model_is_ahead(self, truth: Pairs) -> None:
        """Without exploration, the wrong model leads, and most of the differing transactions count as undecided."""
        blind = self.observed(truth, 0.0, 0.0)
        assert self.gain(blind) > 0
        evidence = evidence_of(blind)
        assert evidence.undecided / evidence.differing > 0.5

"""What a cohort says: by hand, without scores, and with declines that nobody learns about."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from stream.evaluation.cohorts import MISSING, Cohort, Pairs
from stream.evaluation.evidence import Evidence, label_revisions, take_evidence
from stream.evaluation.outcome import Outcome
from stream.evaluation.weights import is_unobservable, weights
from tests.evaluation.sample_evidence import MEASURE, pairs


def said(each: Pairs) -> Evidence:
    """Return the evidence of a cohort of these."""
    return take_evidence(MEASURE, Cohort(0, 10, each))


def test_the_figures_are_those_reckoned_by_hand() -> None:
    """Two frauds, the larger one capped; the champion misses it, the challenger reviews it and one customer."""
    each = pairs(
        4,
        amount_minor=[50_000, 4000, 1000, 1000],
        outcome=[Outcome.FRAUD, Outcome.FRAUD, Outcome.LEGITIMATE, Outcome.LEGITIMATE_BY_MATURITY],
        champion_verdict=[0, 2, 0, 2],
        challenger_verdict=[1, 2, 1, 0],
        challenger_score=[0.5, 0.25, 0.5, 0.0],
    )
    assert said(each) == Evidence(
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
        # At equal alert rate the challenger alerts from 0.5 on.
        champion_caught=1.0,
        challenger_caught=1.0,
    )


def test_where_the_challenger_has_no_score_the_champion_decides() -> None:
    """As it does in a split: the transaction is counted as missing and makes no difference."""
    each = pairs(
        2,
        outcome=[Outcome.FRAUD, Outcome.FRAUD],
        champion_verdict=[1, 0],
        challenger_verdict=[MISSING, MISSING],
        challenger_score=[np.nan, np.nan],
    )
    found = said(each)
    assert (found.missing, found.differing, found.scored_frauds, found.expected_frauds) == (2, 0, 0.0, 0.0)
    assert found.champion_cost_minor == found.challenger_cost_minor
    assert (found.champion_caught, found.challenger_caught, found.challenger_alerts) == (1.0, 1.0, 1)


def test_a_weight_counts_and_no_weight_does_not() -> None:
    """An explored decline stands for others; one that is censored for nothing, but it is counted."""
    each = pairs(
        3,
        outcome=[Outcome.FRAUD, Outcome.CENSORED, Outcome.WAITING],
        champion_verdict=[2, 2, 0],
        challenger_verdict=[0, 0, 0],
        weight=[4.0, 0.0, 0.0],
        unobservable=[False, True, False],
    )
    found = said(each)
    assert (found.frauds, found.fraud_weight, found.weight, found.undecided) == (1, 4.0, 4.0, 1)
    assert (found.champion_cost_minor, found.challenger_cost_minor) == (0.0, 4000.0)


def test_an_empty_cohort_says_nothing() -> None:
    """Nor does it break."""
    assert said(pairs(0)).weight == 0.0


def test_a_label_that_changed_later_is_reported() -> None:
    """With what was said then, and what would be said now."""
    then = pairs(2, champion_verdict=[0, 1], challenger_verdict=[0, 0])
    now = replace(then, outcome=np.array([Outcome.FRAUD, Outcome.LEGITIMATE], dtype=np.int8))
    assert label_revisions(said(then), said(then)) == {}
    assert label_revisions(said(then), said(now)) == {
        "frauds": (0.0, 1.0),
        "champion_cost_minor": (500.0, 1500.0),
        "challenger_cost_minor": (0.0, 1000.0),
    }


def test_evidence_is_kept_as_json() -> None:
    """The ledger writes it when the cohort closes and reads it at each look."""
    found = said(pairs(3))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evidence) == found


class TestTwoModelsKeepTheirRanking:
    """Whether or not it becomes known what declines would have been.

    The champion declines most frauds, rightly; the challenger approves three in four of these. What is declined and
    not let through is never complained about, so on what is known the champion seems to do nothing at all.
    """

    COUNT, SHARE = 200_000, 0.25

    @pytest.fixture
    def truth(self) -> Pairs:
        """Every outcome known, as it never is."""
        random = np.random.default_rng(3)
        fraud = random.random(self.COUNT) < 0.02
        declines = np.where(fraud, random.random(self.COUNT) < 0.8, random.random(self.COUNT) < 0.002)
        agrees = random.random(self.COUNT) < 0.25
        # The challenger finds a few that the champion misses.
        own = fraud & ~declines & (random.random(self.COUNT) < 0.5)
        return pairs(
            self.COUNT,
            amount_minor=random.integers(1000, 9000, self.COUNT),
            champion_verdict=2 * declines,
            challenger_verdict=2 * ((declines & agrees) | own),
            outcome=np.where(fraud, Outcome.FRAUD, Outcome.LEGITIMATE_BY_MATURITY),
        )

    @staticmethod
    def gain(each: Pairs) -> float:
        """Return by how much the challenger is cheaper, in minor units a transaction."""
        found = said(each)
        return (found.champion_cost_minor - found.challenger_cost_minor) / found.weight

    def seen(self, truth: Pairs, labelled: float, share: float) -> Pairs:
        """Return the truth where declines become known by exploration, and a part of the others by labels."""
        random = np.random.default_rng(4)
        declines = truth.champion_verdict == 2
        explored = declines & (random.random(self.COUNT) < share)
        # Those who were robbed have nothing to say about a decline; those who were turned away wrongly do.
        complains = declines & ~explored & ~truth.fraud & (random.random(self.COUNT) < labelled)
        outcome = np.where(declines & ~explored & ~complains, Outcome.CENSORED, truth.outcome).astype(np.int8)
        shares = np.full(self.COUNT, share)
        return replace(
            truth,
            outcome=outcome,
            weight=weights(outcome, declines, explored, shares),
            unobservable=is_unobservable(outcome, declines, shares),
        )

    def test_explored_declines_stand_for_all(self, truth: Pairs) -> None:
        """Known or not, the ranking is the true one, and the figure near it: within four standard errors, 16 %."""
        true = self.gain(truth)
        assert true < 0
        unknown, known = (self.gain(self.seen(truth, labelled, self.SHARE)) for labelled in (0.0, 0.9))
        assert unknown == known == pytest.approx(true, rel=0.16)

    def test_without_them_the_wrong_model_is_ahead(self, truth: Pairs) -> None:
        """And the evidence says that it cannot see most of where they differ."""
        blind = self.seen(truth, 0.0, 0.0)
        assert self.gain(blind) > 0
        found = said(blind)
        assert found.undecided / found.differing > 0.5

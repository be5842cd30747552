"""Score counts agree with the decisions and shadow scores that they count."""

import math
import timeit
from collections.abc import Sequence

import numpy as np
import pytest

from schemas.messages import Decision, Exploration, Policy, ShadowScore
from stream.scoring.model import ModelInRole, Roles
from stream.scoring.model_scores import apply_policy
from stream.scoring.score_counts import DECLINES, FIRST_BIN, PROBLEMS, REVIEWS, SCORE_BINS, TRANSACTIONS, count_scores
from stream.scoring.scorer import ScoredBatch
from tests.scoring.fake_model import (
    SCORING_TIME,
    assign_roles,
    failing_where,
    fake_model,
    features,
    raw_batch,
    scorer_for,
    transaction,
)

#: Every fourth transaction has a high V1, on which the challenger below fails.
VALUES = [transaction(features(2.0 if number % 4 == 0 else number % 5 - 3.0), number) for number in range(200)]


def roles(share: float = 0.0, exploration: Exploration | None = None) -> Roles:
    """Return roles with a champion, and with a challenger that fails on high values."""
    failing = fake_model(version="2", rule=failing_where(lambda matrix: matrix[:, 0] > 1.5))
    champion, (challenger,) = assign_roles(fake_model(), failing)
    return Roles(7, champion, (ModelInRole(challenger.model, challenger.policy, share),), exploration)


def score(roles: Roles, values: Sequence[bytes]) -> ScoredBatch:
    """Score a batch."""
    return scorer_for(roles).score(raw_batch(values), SCORING_TIME)


def counts_of(batch: ScoredBatch) -> list[list[int]]:
    """Return the counts of champion and challenger."""
    assert batch.score_counts is not None
    rows: list[list[int]] = batch.score_counts.counts.tolist()
    return rows


def count_one_by_one(records: Sequence[Decision | ShadowScore]) -> list[int]:
    """Return the counts of the given decisions and shadow scores, counted one by one."""
    scores = [each.score for each in records if each.score is not None]
    bins = [0] * SCORE_BINS
    for each in scores:
        log_odds = math.log(each / (1 - each)) if 0 < each < 1 else math.copysign(math.inf, each - 0.5)
        bins[sum(log_odds >= edge for edge in np.linspace(-12, 6, SCORE_BINS - 1))] += 1
    verdicts = [each.verdict for each in records]
    return [len(records), verdicts.count("review"), verdicts.count("decline"), len(records) - len(scores), *bins]


def test_counts_equal_those_of_the_records() -> None:
    """Verdicts, missing scores and histograms equal those of the records, for the champion and the challenger."""
    batch = score(roles(), VALUES)
    champion, challenger = counts_of(batch)
    assert champion == count_one_by_one(batch.decisions)
    assert challenger == count_one_by_one(batch.shadow_scores[0])
    assert challenger[PROBLEMS] == 50
    assert champion[REVIEWS] + champion[DECLINES] > 0


def test_a_split_changes_no_counts() -> None:
    """Every transaction counts for every model with the verdict before exploration, whichever model decided."""
    declining = Policy("d", 0.0, 0.0)
    assigned = roles()
    in_shadow = Roles(7, ModelInRole(assigned.champion.model, declining), assigned.challengers)
    split = Roles(7, in_shadow.champion, roles(0.5).challengers, Exploration(0.5, 10**6))
    assert counts_of(score(split, VALUES)) == counts_of(score(in_shadow, VALUES))


def test_counts_add_up_over_batches() -> None:
    """The counts of the two halves of a batch add up to the counts of the whole batch."""
    assigned = roles()
    first, second, whole = (score(assigned, values).score_counts for values in (VALUES[:90], VALUES[90:], VALUES))
    assert first is not None
    assert second is not None
    assert whole is not None
    assert np.array_equal((first + second).counts, whole.counts)


@pytest.mark.parametrize("count", [0, 10])
def test_refusals_due_to_features_are_problems_of_the_champion(count: int) -> None:
    """A missing feature counts as the champion's problem; invalid JSON counts for no model."""
    champion, challenger = counts_of(score(roles(), [*VALUES[:count], transaction({"V1": 0.5}), b"{"]))
    assert (champion[TRANSACTIONS], champion[PROBLEMS]) == (count + 1, 1)
    assert challenger[TRANSACTIONS] == count
    assert sum(champion[FIRST_BIN:]) == count


def test_counting_is_fast() -> None:
    """Counting for two models takes less than 0.3 µs per transaction in a full batch, as the best of many runs."""
    assigned = roles()
    rng = np.random.default_rng(0)
    scores = rng.random(250, dtype=np.float32)
    zeros = np.zeros((250, 4), dtype=np.float32)
    model_scores = [
        apply_policy(in_role, zeros, zeros, scores, np.full(250, 100), problems=[None] * 250)
        for in_role in (assigned.champion, *assigned.challengers)
    ]
    best = min(timeit.repeat(lambda: count_scores(assigned, model_scores, []), number=10, repeat=50)) / 10
    assert best / 250 < 0.3e-6

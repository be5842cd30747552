"""What each model said of a batch, counted: against the decisions and shadow scores themselves."""

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

#: Of one in four V1 is high, and the challenger below fails there.
VALUES = [transaction(features(2.0 if number % 4 == 0 else number % 5 - 3.0), number) for number in range(200)]


def roles(share: float = 0.0, exploration: Exploration | None = None) -> Roles:
    """A champion, and a challenger that fails at high values."""
    failing = fake_model(version="2", rule=failing_where(lambda matrix: matrix[:, 0] > 1.5))
    champion, (challenger,) = assign_roles(fake_model(), failing)
    return Roles(7, champion, (ModelInRole(challenger.model, challenger.policy, share),), exploration)


def score(playing: Roles, values: Sequence[bytes]) -> ScoredBatch:
    """Score a batch."""
    return scorer_for(playing).score(raw_batch(values), SCORING_TIME)


def counted(batch: ScoredBatch) -> list[list[int]]:
    """Return the rows of counts."""
    assert batch.score_counts is not None
    rows: list[list[int]] = batch.score_counts.counts.tolist()
    return rows


def by_hand(said: Sequence[Decision | ShadowScore]) -> list[int]:
    """Count one at a time."""
    scores = [each.score for each in said if each.score is not None]
    bins = [0] * SCORE_BINS
    for each in scores:
        log_odds = math.log(each / (1 - each)) if 0 < each < 1 else math.copysign(math.inf, each - 0.5)
        bins[sum(log_odds >= edge for edge in np.linspace(-12, 6, SCORE_BINS - 1))] += 1
    verdicts = [each.verdict for each in said]
    return [len(said), verdicts.count("review"), verdicts.count("decline"), len(said) - len(scores), *bins]


def test_everyone_s_counts_are_what_they_said() -> None:
    """Verdicts, missing scores and where the scores lie, of whoever decides and of whoever watches."""
    batch = score(roles(), VALUES)
    champion, challenger = counted(batch)
    assert champion == by_hand(batch.decisions)
    assert challenger == by_hand(batch.shadow_scores[0])
    assert challenger[PROBLEMS] == 50
    assert champion[REVIEWS] + champion[DECLINES] > 0


def test_a_split_changes_no_counts() -> None:
    """Every transaction counts for everyone, whoever decided, and before any exploration."""
    declining = Policy("d", 0.0, 0.0)
    playing = roles()
    watching = Roles(7, ModelInRole(playing.champion.model, declining), playing.challengers)
    split = Roles(7, watching.champion, roles(0.5).challengers, Exploration(0.5, 10**6))
    assert counted(score(split, VALUES)) == counted(score(watching, VALUES))


def test_counts_of_parts_add_up() -> None:
    """Two halves are the whole."""
    playing = roles()
    first, second, whole = (score(playing, values).score_counts for values in (VALUES[:90], VALUES[90:], VALUES))
    assert first is not None
    assert second is not None
    assert whole is not None
    assert np.array_equal((first + second).counts, whole.counts)


@pytest.mark.parametrize("count", [0, 10])
def test_what_the_champion_s_features_refuse_is_its_problem(count: int) -> None:
    """A missing feature would have been a challenger's problem; bytes that are no JSON are nobody's."""
    champion, challenger = counted(score(roles(), [*VALUES[:count], transaction({"V1": 0.5}), b"{"]))
    assert (champion[TRANSACTIONS], champion[PROBLEMS]) == (count + 1, 1)
    assert challenger[TRANSACTIONS] == count
    assert sum(champion[FIRST_BIN:]) == count


def test_counting_costs_next_to_nothing() -> None:
    """Less than 0.3 µs a transaction for two models in a full part; the best of many tries, for the machine is busy."""
    playing = roles()
    rng = np.random.default_rng(0)
    scores = rng.random(250, dtype=np.float32)
    zeros = np.zeros((250, 4), dtype=np.float32)
    said = [
        apply_policy(player, zeros, zeros, scores, np.full(250, 100), problems=[None] * 250)
        for player in (playing.champion, *playing.challengers)
    ]
    best = min(timeit.repeat(lambda: count_scores(playing, said, []), number=10, repeat=50)) / 10
    assert best / 250 < 0.3e-6

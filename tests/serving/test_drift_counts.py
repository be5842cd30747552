"""What a worker counts for drift: each committed row once for each bundle, by bundle, role and pane of event time."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.manifest import Feature
from schemas.messages import DriftCounts, Policy
from stream.drift.binning import Binning
from stream.scoring.model import ModelInRole, Roles
from stream.serving.drift_counts import MAX_PANES, DriftCounter
from stream.settings import Settings
from tests.scoring.fake_model import (
    FEATURES,
    SCORING_TIME,
    FakeModel,
    fake_model,
    features,
    raw_batch,
    scorer,
    scorer_for,
    transaction,
)
from tests.support.bundles import profile

PANE_MS = 600_000
#: A pane's begin.
NOON_MS = 1_378_036_800_000


def referenced(version: str = "1", seed: int = 0, **options: Any) -> FakeModel:
    """Return a stand-in whose manifest has a reference."""
    model = fake_model(version=version, **options)
    rng = np.random.default_rng(seed)
    reference = {feature.name: profile(rng.normal(size=1000)) for feature in model.manifest.features}
    model.manifest = msgspec.structs.replace(
        model.manifest, reference=reference, score_reference=profile(rng.random(1000))
    )
    return model


def values(count: int, *, at_ms: int = NOON_MS, step_ms: int = 1) -> list[bytes]:
    """Return transactions whose features are each another number."""
    rng = np.random.default_rng(count)
    return [
        transaction(features(*rng.normal(size=3).tolist()), number, event_time_ms=at_ms + number * step_ms)
        for number in range(count)
    ]


def counter(roles: Roles, sent: Sequence[bytes]) -> DriftCounter:
    """Return a counter that has taken in what roles made of transactions."""
    made = DriftCounter(Settings())
    made.prepare(roles)
    take_in(made, roles, sent)
    return made


def take_in(made: DriftCounter, roles: Roles, sent: Sequence[bytes]) -> None:
    """Score in parts and let the counter take them in."""
    scores = scorer_for(roles)
    batch = raw_batch(sent)
    found = [scores.score(batch.slice(start, start + 250), SCORING_TIME).batch_scores for start in range(0, len(sent), 250)]
    made.add([each for each in found if each is not None])


def rest(made: DriftCounter) -> list[DriftCounts]:
    """Return everything that is counted, as sent."""
    return [msgspec.json.decode(raw, type=DriftCounts) for raw in made.take()]


def test_counts_are_the_grid_s_of_all_rows() -> None:
    """Whatever parts they came in."""
    model = referenced()
    roles = scorer(model).roles
    sent = values(600)
    (found,) = rest(counter(roles, sent))
    observed = scorer_for(roles).score(raw_batch(sent), SCORING_TIME).batch_scores
    assert observed is not None
    (judgement,) = observed.model_scores
    whole = Binning(model.manifest)
    assert whole.split(whole.count(judgement.raw_features, judgement.scores)) == (found.features, found.scores)
    assert (found.rows, found.pane_ms, found.decides, found.bundle_sha256) == (600, NOON_MS, True, model.sha256)
    assert (found.reviews, found.declines) == tuple(np.bincount(judgement.severities, minlength=3)[1:].tolist())
    assert found.score_sum == pytest.approx(float(judgement.scores.sum()))
    assert found.alert_score_sum == pytest.approx(float(judgement.scores[judgement.severities > 0].sum()))
    assert found.event_times == {0: NOON_MS + 598, 1: NOON_MS + 599}


def test_null_counts_as_missing_where_the_model_sees_the_median() -> None:
    """What the policy fills in is the model's business."""
    sent = [transaction(features(None, 0.5), number) for number in range(3)]
    (found,) = rest(counter(scorer(referenced()).roles, sent))
    assert found.features["V1"][-1] == 3
    assert sum(found.features["V1"]) == 3
    assert found.features["V2"][-1] == 0


def test_a_challenger_with_the_same_reference_has_the_champion_s_feature_counts() -> None:
    """And scores of its own; one with another reference has bins of its own, one with a further policy none."""
    same = referenced("2", rule=lambda matrix: np.full(len(matrix), 0.25, np.float32))
    champion, other = referenced(), referenced("3", seed=5)
    base = scorer(champion, same, other).roles
    twice = Roles(7, base.champion, (*base.challengers, ModelInRole(champion, Policy("p2", 0.1, 0.2))))
    found = rest(counter(twice, values(500)))
    assert [(each.version, each.decides, each.rows) for each in found] == [
        ("1", True, 500),
        ("2", False, 500),
        ("3", False, 500),
    ]
    first, second, third = found
    assert first.features == second.features != third.features
    assert first.scores != second.scores
    assert second.score_sum == pytest.approx(125)


def test_a_challenger_without_scores_counts_all_the_same() -> None:
    """What it lacks is missing, and so are its scores."""
    lacking = referenced("2", features=(*FEATURES, Feature("W1", 0.0)))
    _, found = rest(counter(scorer(referenced(), lacking).roles, values(10)))
    assert (found.rows, found.features["W1"][-1], found.scores[-1], found.reviews) == (10, 10, 10, 0)


def test_a_bundle_without_reference_has_one_bin_a_column() -> None:
    """Rows are known all the same."""
    (found,) = rest(counter(scorer(fake_model()).roles, values(10)))
    assert found.features == dict.fromkeys(("V1", "Amount", "V2", "V3"), (10, 0))
    assert found.scores == (10, 0)


def test_panes_are_of_event_time() -> None:
    """Half-open; a row dated an hour and more ahead of the clock is in none and moves no event time."""
    far = transaction(features(), 9, event_time_ms=round(time.time() * 1000) + 3_700_000)
    sent = [*values(4, at_ms=NOON_MS - 2), far]
    found = {each.pane_ms: each for each in rest(counter(scorer(referenced()).roles, sent))}
    assert {pane: each.rows for pane, each in found.items()} == {NOON_MS - PANE_MS: 2, NOON_MS: 2, None: 1}
    assert found[None].event_times == {}
    assert found[NOON_MS].event_times == {0: NOON_MS, 1: NOON_MS + 1}


def test_scattered_event_times_make_no_more_messages_than_a_bound() -> None:
    """A row a pane would be a message a row; the fullest panes are named, and others count in the one before."""
    full = NOON_MS + 150 * PANE_MS
    found = rest(counter(scorer(referenced()).roles, [*values(200, step_ms=PANE_MS), *values(50, at_ms=full)]))
    assert len(found) == MAX_PANES
    assert sum(each.rows for each in found) == 250
    by_pane = {each.pane_ms: each for each in found}
    begins = sorted(pane for pane in by_pane if pane is not None)
    assert full in begins
    for begin, following in zip(begins[1:], [*begins[2:], NOON_MS + 200 * PANE_MS], strict=True):
        own = (following - begin) // PANE_MS
        assert by_pane[begin].rows == own + 50 * (begin == full)
    assert max(time_ms for each in found for time_ms in each.event_times.values()) == NOON_MS + 199 * PANE_MS


def test_panes_that_are_named_stay_named_until_they_are_sent() -> None:
    """The bound is on a round of messages, however many counts it is made of."""
    roles = scorer(referenced()).roles
    made = counter(roles, values(MAX_PANES, step_ms=PANE_MS))
    other = Roles(8, roles.champion)
    take_in(made, other, values(5, at_ms=NOON_MS + 100 * PANE_MS))
    take_in(made, other, values(3, at_ms=NOON_MS - 100 * PANE_MS))
    found = {each.pane_ms: each.rows for each in rest(made)}
    last = NOON_MS + (MAX_PANES - 1) * PANE_MS
    assert found == dict.fromkeys(range(NOON_MS, last + 1, PANE_MS), 1) | {NOON_MS: 4, last: 6}


def test_rows_of_two_assignments_stay_apart() -> None:
    """A bundle that turns from challenger to champion is told by its role."""
    first, second = referenced(), referenced("2")
    before, after = scorer(first, second).roles, scorer(second).roles
    made = counter(before, values(100))
    made.prepare(after)
    take_in(made, after, values(50))
    take_in(made, before, values(25))
    assert {(each.version, each.decides): each.rows for each in rest(made)} == {
        ("1", True): 125,
        ("2", False): 125,
        ("2", True): 50,
    }

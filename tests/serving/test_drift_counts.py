"""A worker counts each committed row once for each bundle, by bundle, role and pane (interval) of event time."""

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
from stream.settings import DriftSettings, WatermarkSettings
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
#: Start of a pane.
NOON_MS = 1_378_036_800_000


def with_reference(version: str = "1", seed: int = 0, **options: Any) -> FakeModel:
    """Return a fake model whose manifest has a reference."""
    model = fake_model(version=version, **options)
    rng = np.random.default_rng(seed)
    reference = {feature.name: profile(rng.normal(size=1000)) for feature in model.manifest.features}
    model.manifest = msgspec.structs.replace(
        model.manifest, reference=reference, score_reference=profile(rng.random(1000))
    )
    return model


def values(count: int, *, at_ms: int = NOON_MS, step_ms: int = 1) -> list[bytes]:
    """Return transactions with random features."""
    rng = np.random.default_rng(count)
    return [
        transaction(features(*rng.normal(size=3).tolist()), number, event_time_ms=at_ms + number * step_ms)
        for number in range(count)
    ]


def counter(roles: Roles, sent: Sequence[bytes]) -> DriftCounter:
    """Return a counter that has counted the given transactions, scored under the given roles."""
    drift_counter = DriftCounter("0", DriftSettings(), WatermarkSettings())
    drift_counter.prepare(roles)
    count(drift_counter, roles, sent)
    return drift_counter


def count(drift_counter: DriftCounter, roles: Roles, sent: Sequence[bytes]) -> None:
    """Score transactions in parts and count them."""
    scores = scorer_for(roles)
    batch = raw_batch(sent)
    parts = (batch.slice(start, start + 250) for start in range(0, len(sent), 250))
    scored = [scores.score(part, SCORING_TIME).batch_scores for part in parts]
    drift_counter.add([each for each in scored if each is not None])


def take(drift_counter: DriftCounter) -> list[DriftCounts]:
    """Return all counts in the form in which they are sent."""
    return [msgspec.json.decode(raw, type=DriftCounts) for raw in drift_counter.take()]


def test_counts_are_those_of_the_binning_over_all_rows() -> None:
    """The counts equal those from binning all rows at once, however the batch was divided into parts."""
    model = with_reference()
    roles = scorer(model).roles
    sent = values(600)
    (counts,) = take(counter(roles, sent))
    batch = scorer_for(roles).score(raw_batch(sent), SCORING_TIME).batch_scores
    assert batch is not None
    (scores,) = batch.model_scores
    binning = Binning(model.manifest)
    assert binning.split(binning.count(scores.raw_features, scores.scores)) == (counts.features, counts.scores)
    assert (counts.rows, counts.pane_ms, counts.decides, counts.bundle_sha256) == (600, NOON_MS, True, model.sha256)
    assert (counts.reviews, counts.declines) == tuple(np.bincount(scores.severities, minlength=3)[1:].tolist())
    assert counts.score_sum == pytest.approx(float(scores.scores.sum()))
    assert counts.alert_score_sum == pytest.approx(float(scores.scores[scores.severities > 0].sum()))
    assert counts.event_times == {0: NOON_MS + 598, 1: NOON_MS + 599}


def test_null_counts_as_missing_even_if_the_policy_fills_in_the_median() -> None:
    """A null counts as missing, because drift is counted before the missing-value policy applies."""
    sent = [transaction(features(None, 0.5), number) for number in range(3)]
    (counts,) = take(counter(scorer(with_reference()).roles, sent))
    assert counts.features["V1"][-1] == 3
    assert sum(counts.features["V1"]) == 3
    assert counts.features["V2"][-1] == 0


def test_a_challenger_with_the_same_reference_shares_the_feature_counts() -> None:
    """A challenger has its own score counts, and its own bins if its reference differs, whatever its policy."""
    same = with_reference("2", rule=lambda matrix: np.full(len(matrix), 0.25, np.float32))
    champion, other = with_reference(), with_reference("3", seed=5)
    base = scorer(champion, same, other).roles
    twice = Roles(7, base.champion, (*base.challengers, ModelInRole(champion, Policy("p2", 0.1, 0.2))))
    counts = take(counter(twice, values(500)))
    assert [(each.version, each.decides, each.rows) for each in counts] == [
        ("1", True, 500),
        ("2", False, 500),
        ("3", False, 500),
    ]
    first, second, third = counts
    assert first.features == second.features != third.features
    assert first.scores != second.scores
    assert second.score_sum == pytest.approx(125)


def test_a_challenger_without_scores_is_counted_too() -> None:
    """For a challenger that could not score, the feature that it lacks and its scores count as missing."""
    lacking = with_reference("2", features=(*FEATURES, Feature("W1", 0.0)))
    _, counts = take(counter(scorer(with_reference(), lacking).roles, values(10)))
    assert (counts.rows, counts.features["W1"][-1], counts.scores[-1], counts.reviews) == (10, 10, 10, 0)


def test_a_bundle_without_reference_has_one_bin_a_column() -> None:
    """The rows of a bundle without a reference are still counted, in one bin per column."""
    (counts,) = take(counter(scorer(fake_model()).roles, values(10)))
    assert counts.features == dict.fromkeys(("V1", "Amount", "V2", "V3"), (10, 0))
    assert counts.scores == (10, 0)


def test_panes_are_intervals_of_event_time() -> None:
    """Panes are half-open intervals. A row dated an hour or more ahead is in none and does not move the event time."""
    far = transaction(features(), 9, event_time_ms=round(time.time() * 1000) + 3_700_000)
    sent = [*values(4, at_ms=NOON_MS - 2), far]
    by_pane = {each.pane_ms: each for each in take(counter(scorer(with_reference()).roles, sent))}
    assert {pane: each.rows for pane, each in by_pane.items()} == {NOON_MS - PANE_MS: 2, NOON_MS: 2, None: 1}
    assert by_pane[None].event_times == {}
    assert by_pane[NOON_MS].event_times == {0: NOON_MS, 1: NOON_MS + 1}


def test_scattered_event_times_make_a_bounded_number_of_messages() -> None:
    """If event times are scattered, the fullest panes are kept; rows of other panes count in a neighbouring pane."""
    full = NOON_MS + 150 * PANE_MS
    messages = take(counter(scorer(with_reference()).roles, [*values(200, step_ms=PANE_MS), *values(50, at_ms=full)]))
    assert len(messages) == MAX_PANES
    assert sum(each.rows for each in messages) == 250
    by_pane = {each.pane_ms: each for each in messages}
    starts = sorted(pane for pane in by_pane if pane is not None)
    assert full in starts
    for start, following in zip(starts[1:], [*starts[2:], NOON_MS + 200 * PANE_MS], strict=True):
        own = (following - start) // PANE_MS
        assert by_pane[start].rows == own + 50 * (start == full)
    assert max(time_ms for each in messages for time_ms in each.event_times.values()) == NOON_MS + 199 * PANE_MS


def test_the_bound_on_panes_holds_for_a_whole_round_of_messages() -> None:
    """The bound on panes applies however many batches were counted since counts were last sent."""
    roles = scorer(with_reference()).roles
    drift_counter = counter(roles, values(MAX_PANES, step_ms=PANE_MS))
    other = Roles(8, roles.champion)
    count(drift_counter, other, values(5, at_ms=NOON_MS + 100 * PANE_MS))
    count(drift_counter, other, values(3, at_ms=NOON_MS - 100 * PANE_MS))
    rows = {each.pane_ms: each.rows for each in take(drift_counter)}
    last = NOON_MS + (MAX_PANES - 1) * PANE_MS
    assert rows == dict.fromkeys(range(NOON_MS, last + 1, PANE_MS), 1) | {NOON_MS: 4, last: 6}


def test_rows_of_two_assignments_are_counted_separately() -> None:
    """The counts of a bundle that becomes champion are kept separate for each role."""
    first, second = with_reference(), with_reference("2")
    before, after = scorer(first, second).roles, scorer(second).roles
    drift_counter = counter(before, values(100))
    drift_counter.prepare(after)
    count(drift_counter, after, values(50))
    count(drift_counter, before, values(25))
    assert {(each.version, each.decides): each.rows for each in take(drift_counter)} == {
        ("1", True): 125,
        ("2", False): 125,
        ("2", True): 50,
    }

"""The natural movement of columns without drift, and the false alarms of the alarm rule."""

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.manifest import Feature, Manifest, Parity, TrainingWindow
from schemas.messages import Policy
from stream.drift.binning import Binning
from stream.drift.statistics import DriftStatistics
from training.bundling.natural_movement import with_natural_movement
from training.bundling.reference_profile import profile_features, profile_scores
from training.bundling.window_counts import BLOCK, MIN_WINDOWS, SIZES, count_blocks, fitting_sizes, sum_windows

FEATURES = (Feature("V1", 0.0), Feature("shop", 0.0, "categorical", ("a", "b", "c")), Feature("same", 7.0))
POLICY = Policy("1", review=0.5, decline=0.9)


def make_matrix(rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Return rows with a number, a category that may be missing or unknown, and a constant."""
    random = np.random.default_rng(seed)
    shop = random.choice([0, 1, 2, 3, np.nan], rows, p=[0.5, 0.2, 0.2, 0.05, 0.05])
    return np.column_stack([random.normal(size=rows), shop, np.full(rows, 7)]).astype(np.float32)


def make_manifest(matrix: NDArray[np.float32], scores: NDArray[np.float32]) -> Manifest:
    """Return a manifest with reference profiles, but without natural movement."""
    return Manifest(
        name="fraud",
        version="1",
        algorithm="none",
        mlflow_run_id="none",
        created_at_ms=0,
        features=FEATURES,
        missing="nan",
        policy=POLICY,
        training_window=TrainingWindow(0, 1, 2, 1, "0" * 64),
        metrics={},
        reference=profile_features(FEATURES, matrix),
        score_reference=profile_scores(scores, POLICY),
        parity=Parity((), ()),
        files={},
    )


def measure(matrix: NDArray[np.float32], scores: NDArray[np.float32]) -> Manifest:
    """Return the manifest with natural movement and false alarms added."""
    return with_natural_movement(make_manifest(matrix, scores), matrix, scores)


@pytest.fixture(scope="module")
def scores() -> NDArray[np.float32]:
    """Return scores for a validation split into which two window sizes fit."""
    return np.random.default_rng(1).beta(0.5, 20, MIN_WINDOWS * SIZES[1]).astype(np.float32)


def test_natural_movement_is_the_largest_of_few_windows(scores: NDArray[np.float32]) -> None:
    """With few windows, natural movement equals the maximum that the stream's own code computes window by window."""
    matrix = make_matrix(MIN_WINDOWS * SIZES[1])
    manifest = measure(matrix, scores)
    binning = Binning(manifest)
    statistics = DriftStatistics(binning)
    starts = range(0, len(matrix), SIZES[1])
    each = [statistics.measure(binning.count(matrix[at : at + SIZES[1]], scores[at : at + SIZES[1]])) for at in starts]
    for column, name in enumerate(manifest.feature_names):
        natural = manifest.reference[name].natural
        assert [movement.rows for movement in natural] == list(SIZES[:2])
        assert natural[1].windows == MIN_WINDOWS
        assert natural[1].psi == max(float(one.psi[column]) for one in each)
        assert natural[1].distance == max(float(one.distance[column]) for one in each)
    assert manifest.score_reference is not None
    assert manifest.score_reference.natural[1].psi == max(float(one.psi[-1]) for one in each)


def test_a_constant_column_does_not_move(scores: NDArray[np.float32]) -> None:
    """The natural movement of a constant column is 0, both by PSI and by KS."""
    for movement in measure(make_matrix(MIN_WINDOWS * SIZES[0]), scores).reference["same"].natural:
        assert (movement.psi, movement.distance) == (0.0, 0.0)


def test_data_too_short_for_windows_have_no_natural_movement(scores: NDArray[np.float32]) -> None:
    """If no window size fits, the manifest contains neither natural movement nor false alarms."""
    manifest = measure(make_matrix(MIN_WINDOWS * SIZES[0] - 1), scores)
    assert [profile.natural for profile in manifest.reference.values()] == [()] * len(FEATURES)
    assert manifest.false_alarms == ()
    assert manifest.score_reference is not None
    assert manifest.score_reference.natural


def test_rows_in_random_order_alarm_rarely(scores: NDArray[np.float32]) -> None:
    """Over hundreds of windows of rows in random order, the rule never raises an alarm."""
    manifest = measure(make_matrix(200 * BLOCK), scores)
    assert [each.rows for each in manifest.false_alarms] == list(fitting_sizes(200 * BLOCK))
    assert manifest.false_alarms[0].windows == 200
    assert [each.alarms for each in manifest.false_alarms] == [0] * len(manifest.false_alarms)


def test_movement_of_one_half_alone_counts_as_a_false_alarm(scores: NDArray[np.float32]) -> None:
    """If only one half moves, its limit comes from the other half, which did not move, so a false alarm is counted."""
    matrix = make_matrix(40 * BLOCK)
    matrix[30 * BLOCK :, 0] += 2
    manifest = measure(matrix, scores)
    natural, false_alarms = manifest.reference["V1"].natural[0], manifest.false_alarms[0]
    assert natural.psi > 0.5
    # Only one alarm begins: the first half is as far from the common reference as the second, but no farther.
    assert (false_alarms.rows, false_alarms.windows, false_alarms.alarms) == (BLOCK, 40, 1)


def test_a_column_that_is_missing_for_a_while(scores: NDArray[np.float32]) -> None:
    """For a column without values in a window, the PSI is defined but the KS distance is not."""
    matrix = make_matrix(MIN_WINDOWS * SIZES[0])
    matrix[: SIZES[0], 0] = np.nan
    natural = measure(matrix, scores).reference["V1"].natural[0]
    assert natural.psi > 1
    assert natural.distance < 0.2


def test_windows_are_sums_of_blocks() -> None:
    """For every window size, each row in a complete window is counted once."""
    matrix = make_matrix(SIZES[2] * 3 + 123)
    none = np.full(len(matrix), np.nan, dtype=np.float32)
    binning = Binning(replace(make_manifest(matrix, np.zeros(10, dtype=np.float32)), score_reference=None))
    blocks = count_blocks(binning, matrix, none)
    for size in SIZES[:3]:
        windows = sum_windows(blocks, size)
        assert len(windows) == len(matrix) // size
        for number, counts in enumerate(windows):
            rows = slice(number * size, (number + 1) * size)
            np.testing.assert_array_equal(counts, binning.count(matrix[rows], none[rows]))


def test_every_fitting_size_has_enough_windows() -> None:
    """Each window size that is stored fits at least `MIN_WINDOWS` times into the data."""
    for rows in (0, 3999, 4000, 39_999, 40_000, 10**6):
        assert all(rows // size >= MIN_WINDOWS for size in fitting_sizes(rows))

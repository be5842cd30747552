"""How far columns move by themselves, and how often the rule is wrong about it."""

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
from training.bundling.window_counts import BLOCK, MIN_WINDOWS, SIZES, count_blocks, fitting_sizes, windows

FEATURES = (Feature("V1", 0.0), Feature("shop", 0.0, "categorical", ("a", "b", "c")), Feature("same", 7.0))
POLICY = Policy("1", review=0.5, decline=0.9)


def made_matrix(rows: int, seed: int = 0) -> NDArray[np.float32]:
    """A number, a category of which some are missing or unknown, and a constant."""
    random = np.random.default_rng(seed)
    shop = random.choice([0, 1, 2, 3, np.nan], rows, p=[0.5, 0.2, 0.2, 0.05, 0.05])
    return np.column_stack([random.normal(size=rows), shop, np.full(rows, 7)]).astype(np.float32)


def made_manifest(matrix: NDArray[np.float32], scores: NDArray[np.float32]) -> Manifest:
    """With references and nothing else."""
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


def look(matrix: NDArray[np.float32], scores: NDArray[np.float32]) -> Manifest:
    """With everything measured."""
    return with_natural_movement(made_manifest(matrix, scores), matrix, scores)


@pytest.fixture(scope="module")
def scores() -> NDArray[np.float32]:
    """Of a validation part in which two sizes fit."""
    return np.random.default_rng(1).beta(0.5, 20, MIN_WINDOWS * SIZES[1]).astype(np.float32)


def test_natural_movement_is_the_largest_of_few_windows(scores: NDArray[np.float32]) -> None:
    """Recomputed from every window by itself, by the stream's own code."""
    matrix = made_matrix(MIN_WINDOWS * SIZES[1])
    manifest = look(matrix, scores)
    grid = Binning(manifest)
    measure = DriftStatistics(grid)
    starts = range(0, len(matrix), SIZES[1])
    each = [measure.measure(grid.count(matrix[at : at + SIZES[1]], scores[at : at + SIZES[1]])) for at in starts]
    for place, name in enumerate(manifest.feature_names):
        natural = manifest.reference[name].natural
        assert [movement.rows for movement in natural] == list(SIZES[:2])
        assert natural[1].windows == MIN_WINDOWS
        assert natural[1].psi == max(float(one.psi[place]) for one in each)
        assert natural[1].distance == max(float(one.distance[place]) for one in each)
    assert manifest.score_reference is not None
    assert manifest.score_reference.natural[1].psi == max(float(one.psi[-1]) for one in each)


def test_a_constant_column_does_not_move(scores: NDArray[np.float32]) -> None:
    """Neither by PSI nor by KS."""
    for movement in look(made_matrix(MIN_WINDOWS * SIZES[0]), scores).reference["same"].natural:
        assert (movement.psi, movement.distance) == (0.0, 0.0)


def test_data_too_short_for_windows_have_no_natural_movement(scores: NDArray[np.float32]) -> None:
    """Not one size fits: nothing is stored, and nothing is said of false alarms."""
    manifest = look(made_matrix(MIN_WINDOWS * SIZES[0] - 1), scores)
    assert [profile.natural for profile in manifest.reference.values()] == [()] * len(FEATURES)
    assert manifest.false_alarms == ()
    assert manifest.score_reference is not None
    assert manifest.score_reference.natural


def test_what_does_not_move_alarms_seldom(scores: NDArray[np.float32]) -> None:
    """Rows in no order: of hundreds of windows none has the rule alarm twice in a row."""
    manifest = look(made_matrix(200 * BLOCK), scores)
    assert [each.rows for each in manifest.false_alarms] == list(fitting_sizes(200 * BLOCK))
    assert manifest.false_alarms[0].windows == 200
    assert [each.alarms for each in manifest.false_alarms] == [0] * len(manifest.false_alarms)


def test_movement_of_one_half_alone_counts_as_false_alarm(scores: NDArray[np.float32]) -> None:
    """Its limit comes of the other half, which did not move: windows do not excuse themselves."""
    matrix = made_matrix(40 * BLOCK)
    matrix[30 * BLOCK :, 0] += 2
    manifest = look(matrix, scores)
    natural, wrong = manifest.reference["V1"].natural[0], manifest.false_alarms[0]
    assert natural.psi > 0.5
    # It goes on once; the first half lies as far from the common reference, but not farther than the second.
    assert (wrong.rows, wrong.windows, wrong.alarms) == (BLOCK, 40, 1)


def test_a_column_that_is_missing_for_a_while(scores: NDArray[np.float32]) -> None:
    """Windows without a value have no distance; PSI tells of them."""
    matrix = made_matrix(MIN_WINDOWS * SIZES[0])
    matrix[: SIZES[0], 0] = np.nan
    natural = look(matrix, scores).reference["V1"].natural[0]
    assert natural.psi > 1
    assert natural.distance < 0.2


def test_windows_are_sums_of_blocks() -> None:
    """Whatever the size, each row of a whole window is counted once."""
    matrix = made_matrix(SIZES[2] * 3 + 123)
    none = np.full(len(matrix), np.nan, dtype=np.float32)
    grid = Binning(replace(made_manifest(matrix, np.zeros(10, dtype=np.float32)), score_reference=None))
    blocks = count_blocks(grid, matrix, none)
    for size in SIZES[:3]:
        made = windows(blocks, size)
        assert len(made) == len(matrix) // size
        for number, counts in enumerate(made):
            rows = slice(number * size, (number + 1) * size)
            np.testing.assert_array_equal(counts, grid.count(matrix[rows], none[rows]))


def test_rows_are_no_more_than_there_are() -> None:
    """Each size that is stored has at least so many windows."""
    for rows in (0, 3999, 4000, 39_999, 40_000, 10**6):
        assert all(rows // size >= MIN_WINDOWS for size in fitting_sizes(rows))

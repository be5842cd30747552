"""Export and parity: a graph that does not score like the original is rejected."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import QualityError
from schemas.manifest import Feature
from schemas.messages import Policy
from training.bundling.export import open_session, to_onnx
from training.bundling.parity import TOLERANCE, check_parity
from training.models.calibrate import Calibration
from training.models.families import EXTRA_TREES, LIGHTGBM, RANDOM_FOREST, XGBOOST, Family
from training.models.tree_readers import round_down

_FEATURES = tuple(Feature(f"f{i}", 0.0) for i in range(3))
_POLICY = Policy("v", review=0.5, decline=0.9)


@given(st.floats(-1e30, 1e30), st.integers(-2, 2))
def test_a_rounded_threshold_sends_every_float32_the_same_way(threshold: float, steps: int) -> None:
    """Float32 values next to the threshold, where rounding to nearest goes wrong, take the same path as in double."""
    value = np.float32(threshold)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.sign(steps) * np.inf))
    rounded = round_down(threshold)
    assert float(np.float32(rounded)) == rounded
    assert (float(value) <= threshold) == (float(value) <= rounded)


@pytest.mark.parametrize("family", [RANDOM_FOREST, EXTRA_TREES, XGBOOST, LIGHTGBM], ids=lambda family: family.algorithm)
def test_values_that_differ_in_the_last_bit_take_their_own_path(family: Family) -> None:
    """Adjacent float32 values with opposite labels are separated, although no threshold between them is a float32."""
    low = np.linspace(1, 2, 40, dtype=np.float32)
    values = np.repeat(np.concatenate([low, np.nextafter(low, np.float32(3))]), 50)
    labels = np.repeat(np.repeat([0, 1], 40), 50).astype(np.int8)
    matrix = np.column_stack([values, np.zeros_like(values)])
    fitted = family.fit(family.params, matrix, labels, features=_FEATURES[:2], seed=0)
    calibration = Calibration(family.margin_kind, 1.1, -0.2)
    scores = open_session(to_onnx(fitted, calibration, _FEATURES[:2])).score(matrix)
    np.testing.assert_allclose(scores, calibration.apply(fitted.margin(matrix)), atol=TOLERANCE / 5)


def test_a_constant_model_is_a_model() -> None:
    """Trees with a single leaf, which LightGBM does not number, are exported too."""
    matrix, labels = np.zeros((100, 3), dtype=np.float32), np.array([0, 1] * 50, dtype=np.int8)
    fitted = LIGHTGBM.fit(LIGHTGBM.params, matrix, labels, features=_FEATURES, seed=0)
    session = open_session(to_onnx(fitted, Calibration("log_odds", 1, 0), _FEATURES))
    assert session.score(matrix) == pytest.approx(0.5)


def test_a_difference_is_refused() -> None:
    """A difference above 1e-5 in one row is rejected, and so is a score that is not a number."""
    original = np.array([0.1, 0.6, 0.95])
    amounts = np.ones(3, dtype=np.int64)
    assert check_parity(original.astype(np.float32), original, _POLICY, amounts) < TOLERANCE
    for wrong in (original[1] + 2e-5, float("nan")):
        scores = original.astype(np.float32)
        scores[1] = wrong
        with pytest.raises(QualityError, match="differ from the original"):
            check_parity(scores, original, _POLICY, amounts)


def test_a_flipped_verdict_is_refused() -> None:
    """A difference of only 1e-7 is rejected if it crosses a threshold, because it changes a decision."""
    original = np.array([0.1, 0.5 - 1e-8])
    with pytest.raises(QualityError, match="changes 1 of the original model's 2 verdicts"):
        check_parity(np.array([0.1, 0.5], dtype=np.float32), original, _POLICY, np.ones(2, dtype=np.int64))

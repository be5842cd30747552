"""The graph scores as the original does, or the model is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import QualityError
from schemas.messages import Policy
from stream.models.session import OnnxModel
from training.models.calibrate import Calibration, fit_calibration
from training.models.export import TOLERANCE, check_parity, to_onnx
from training.models.families import CHALLENGERS, CHAMPION, LIGHTGBM, Family
from training.models.trees import _round_down

_POLICY = Policy("v", review=0.5, decline=0.9)


@given(st.floats(-1e30, 1e30), st.integers(-2, 2))
def test_a_rounded_threshold_sends_every_float32_the_same_way(threshold: float, steps: int) -> None:
    """Also the float32 values right beside it, where rounding to nearest goes wrong."""
    value = np.float32(threshold)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.sign(steps) * np.inf))
    rounded = _round_down(threshold)
    assert float(np.float32(rounded)) == rounded
    assert (float(value) <= threshold) == (float(value) <= rounded)


@pytest.mark.parametrize("family", [CHAMPION, *CHALLENGERS], ids=lambda family: family.algorithm)
def test_values_that_differ_in_the_last_bit_take_their_own_path(
    family: Family, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neighbouring float32 values with opposite labels: midway thresholds are no float32."""
    low = np.linspace(1, 2, 40, dtype=np.float32)
    values = np.repeat(np.concatenate([low, np.nextafter(low, np.float32(3))]), 50)
    labels = np.repeat(np.repeat([0, 1], 40), 50).astype(np.int8)
    matrix = np.column_stack([values, np.zeros_like(values)])
    fitted = family.fit(family.params, matrix, labels)
    calibration = Calibration(family.margin_kind, 1.1, -0.2)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    path.write_bytes(to_onnx(fitted.trees, calibration, 2).SerializeToString())
    np.testing.assert_allclose(
        OnnxModel(path, 2).score(matrix), calibration.apply(fitted.margin(matrix)), atol=TOLERANCE / 5
    )


def test_a_constant_model_is_a_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Trees of a single leaf, which LightGBM leaves unnumbered, come through."""
    matrix = np.zeros((100, 3), dtype=np.float32)
    fitted = LIGHTGBM.fit(LIGHTGBM.params, matrix, np.array([0, 1] * 50, dtype=np.int8))
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    path.write_bytes(to_onnx(fitted.trees, Calibration("log_odds", 1, 0), 3).SerializeToString())
    assert OnnxModel(path, 3).score(matrix) == pytest.approx(0.5)


def test_a_difference_is_refused() -> None:
    """Above 1e-5 anywhere on the test part, or not a number."""
    original = np.array([0.1, 0.6, 0.95])
    amounts = np.ones(3, dtype=np.int64)
    assert check_parity(original.astype(np.float32), original, _POLICY, amounts) < TOLERANCE
    for wrong in (original[1] + 2e-5, float("nan")):
        scores = original.astype(np.float32)
        scores[1] = wrong
        with pytest.raises(QualityError, match="differs from the original"):
            check_parity(scores, original, _POLICY, amounts)


def test_a_flipped_verdict_is_refused() -> None:
    """However small the difference: 1e-7 across a threshold is another decision."""
    original = np.array([0.1, 0.5 - 1e-8])
    with pytest.raises(QualityError, match="flips 1 of 2 verdicts"):
        check_parity(np.array([0.1, 0.5], dtype=np.float32), original, _POLICY, np.ones(2, dtype=np.int64))


@pytest.mark.parametrize("kind", ["log_odds", "probability"])
def test_calibration_finds_the_true_chances(kind: str) -> None:
    """Margins that are twice too sure come out as the chances they stand for, and never above 1."""
    random = np.random.default_rng(0)
    true_odds = random.normal(-2, 2, 50_000)
    chance = 1 / (1 + np.exp(-true_odds))
    labels = (random.random(50_000) < chance).astype(np.int8)
    sure = 2 * true_odds if kind == "log_odds" else 1 / (1 + np.exp(-2 * true_odds))
    calibration = fit_calibration(sure, labels, "log_odds" if kind == "log_odds" else "probability")
    scores = calibration.apply(sure)
    assert scores.mean() == pytest.approx(labels.mean(), rel=0.01)
    assert np.abs(scores - chance).mean() < 0.01

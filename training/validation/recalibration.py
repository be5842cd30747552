"""Measure how scores would have to be recalibrated, and how large calibration errors are by chance."""

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Metric
from training.evaluation.calibration import CalibrationBin

Floats = NDArray[np.float64]
#: Scores are moved this far from 0 and 1, where log odds are infinite; about the resolution of a float32 near 1.
_EDGE = 1e-6
_STEPS = 50
_CONVERGED = 1e-10
_LONGEST = 2.0
#: Condition number of the information above which the scores say nothing about the slope.
_SINGULAR = 1e10
#: Standard errors in half of a 95% interval.
_HALF_WIDTH = 1.96
_RESAMPLES = 2000
_SEED = 0


def calibration_slope(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> Metric | None:
    """Return the slope b in P(fraud) = 1 / (1 + exp(-(a + b · log odds of the score))), with its 95% interval.

    1 if the scores are as spread as they should be, below 1 if they are too extreme, above 1 if they are too timid
    (D. Cox, "Two further applications of a model for binary regression", Biometrika 45, 1958). Fitted by maximum
    likelihood; the standard error is robust to a curve of another shape (H. White, "Maximum likelihood estimation of
    misspecified models", Econometrica 50, 1982).

    Args:
        scores: Scores (n,) in [0, 1].
        labels: Labels (n,), 1 for fraud.

    Returns:
        The slope; None if it cannot be estimated, because all scores are equal or separate the classes perfectly.
    """
    exact = np.clip(scores.astype(np.float64), _EDGE, 1 - _EDGE)
    x = np.log(exact) - np.log1p(-exact)
    design, y = np.stack([np.ones_like(x), x], axis=1), labels.astype(np.float64)
    coefficients = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        p = _logistic(design @ coefficients)
        information = design.T @ (design * (p * (1 - p))[:, None])
        if not np.linalg.cond(information) < _SINGULAR:
            return None
        step = np.linalg.solve(information, design.T @ (y - p))
        longest = float(np.abs(step).max())
        # A longer step would overshoot where few scores are informative.
        coefficients += step if longest <= _LONGEST else step * _LONGEST / longest
        if longest < _CONVERGED:
            break
    else:
        return None
    residual = (y - _logistic(design @ coefficients))[:, None] * design
    inverse = np.linalg.inv(information)
    error = float(np.sqrt((inverse @ (residual.T @ residual) @ inverse)[1, 1]))
    slope = float(coefficients[1])
    return Metric(slope, slope - _HALF_WIDTH * error, slope + _HALF_WIDTH * error)


def expected_error(bins: list[CalibrationBin]) -> float:
    """Return the expected calibration error: the mean distance of mean score and fraud rate, weighted by rows.

    M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    rows, distance = (
        np.array([each.rows for each in bins]),
        np.array([abs(each.mean_score - each.fraud_rate.value) for each in bins]),
    )
    return float(rows @ distance / rows.sum())


def error_by_chance(bins: list[CalibrationBin], quantile: float) -> float:
    """Return the quantile of the expected calibration error if every score were right.

    The frauds of each bin are drawn with its mean score as their probability (J. Bröcker and L. Smith, "Increasing the
    reliability of reliability diagrams", Weather and Forecasting 22, 2007). Scores differ within a bin, which makes the
    true error by chance slightly smaller.
    """
    rows, mean = np.array([each.rows for each in bins]), np.array([each.mean_score for each in bins])
    drawn = np.random.default_rng(_SEED).binomial(rows, mean, size=(_RESAMPLES, len(bins)))
    errors = np.abs(drawn - rows * mean).sum(axis=1) / rows.sum()
    return float(np.quantile(errors, quantile))


def _logistic(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))

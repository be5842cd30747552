"""Sigmoid (Platt) calibration, fitted on the validation part."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from training.models.families import Labels, MarginKind

#: A probability margin is held this far from 0 and 1 before its logit is taken. A float32 just below 1 has steps of
#: 6e-8, which at this distance moves the logit by less than 1e-3 and the score by less than 1e-7.
EPSILON = 1e-4


@dataclass(frozen=True)
class Calibration:
    """score = 1 / (1 + exp(-(slope · z + offset))), with z the margin's log odds.

    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    margin_kind: MarginKind
    slope: float
    offset: float

    def apply(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated scores (n,) of margins (n,), in double precision."""
        scores: NDArray[np.float64] = expit(self.slope * _log_odds(margin, self.margin_kind) + self.offset)
        return scores


def fit_calibration(margin: NDArray[np.float64], labels: Labels, margin_kind: MarginKind) -> Calibration:
    """Fit slope and offset by maximum likelihood."""
    # No penalty to speak of: with two parameters there is nothing to hold back.
    regression = LogisticRegression(C=1e6).fit(_log_odds(margin, margin_kind)[:, np.newaxis], labels)
    return Calibration(margin_kind, float(regression.coef_[0, 0]), float(regression.intercept_[0]))


def _log_odds(margin: NDArray[np.float64], kind: MarginKind) -> NDArray[np.float64]:
    if kind == "log_odds":
        return margin
    odds: NDArray[np.float64] = logit(np.clip(margin, EPSILON, 1 - EPSILON))
    return odds

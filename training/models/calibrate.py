"""Sigmoid (Platt) calibration, fitted on the validation split without weights or resampling.

After weighting or resampling, a model assumes the wrong share of fraud. Fitting by maximum likelihood with a free
offset restores the mean score to the share of fraud in the validation split, whatever was done to the training rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from training.models.fitted import Labels, MarginKind, margin_log_odds
from training.models.graph import SCORE, GraphWriter


@dataclass(frozen=True)
class Calibration:
    """Calibration by score = 1 / (1 + exp(-(slope · z + offset))), where z is the log odds of the margin.

    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    margin_kind: MarginKind
    slope: float
    offset: float

    def apply(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated scores (n,) of margins (n,), in double precision."""
        scores: NDArray[np.float64] = expit(self.slope * margin_log_odds(margin, self.margin_kind) + self.offset)
        return scores

    def write(self, graph: GraphWriter, log_odds: str) -> str:
        """Add the calibration of log odds, double (n,), to the graph as its output, and return the output's name.

        The score is computed in double and rounded to float32. ONNX Runtime's float32 functions differ in the last
        digit between a full SIMD vector and the tail of a batch, so a score would depend on its position in the batch.
        """
        scaled = graph.add("Mul", log_odds, graph.constant(self.slope))
        score = graph.add("Sigmoid", graph.add("Add", scaled, graph.constant(self.offset)))
        return graph.add("Cast", score, output=SCORE, to=TensorProto.FLOAT)


def fit_calibration(margin: NDArray[np.float64], labels: Labels, margin_kind: MarginKind) -> Calibration:
    """Fit slope and offset by maximum likelihood, which makes the mean score equal to the share of fraud.

    Args:
        margin: Margins (n,) on the validation split.
        labels: Labels (n,) of the same rows.
        margin_kind: Kind of the margins.
    """
    # There is practically no penalty, because two parameters need none. Newton's method reaches the optimum, while
    # lbfgs stops at its tolerance and, with one fraud in 600 rows, leaves the mean score several percent off.
    regression = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-8)
    regression.fit(margin_log_odds(margin, margin_kind)[:, np.newaxis], labels)
    return Calibration(margin_kind, float(regression.coef_[0, 0]), float(regression.intercept_[0]))

"""Sigmoid (Platt) calibration, fitted on the validation part as it is: never weighted, never resampled.

Weights and resampling make a model believe in another share of fraud than there is. Maximum likelihood with a free
offset brings the mean score back to the validation part's own share, whatever the training rows went through.
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
    """score = 1 / (1 + exp(-(slope · z + offset))), with z the margin's log odds.

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
        """Write the same for log odds, double (n,), as the graph's output.

        In double too: ONNX Runtime's float32 functions differ in the last digit between a full vector and a batch's
        tail, so a score would depend on its neighbours. Rounded from double, it does not.
        """
        scaled = graph.add("Mul", log_odds, graph.constant(self.slope))
        score = graph.add("Sigmoid", graph.add("Add", scaled, graph.constant(self.offset)))
        return graph.add("Cast", score, output=SCORE, to=TensorProto.FLOAT)


def fit_calibration(margin: NDArray[np.float64], labels: Labels, margin_kind: MarginKind) -> Calibration:
    """Fit slope and offset by maximum likelihood, on which the mean score is the share of fraud."""
    # No penalty to speak of: with two parameters there is nothing to hold back. Newton's method goes to the optimum
    # itself; where frauds are one in 600, lbfgs would stop at its tolerance with a mean that is percents off.
    regression = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-8)
    regression.fit(margin_log_odds(margin, margin_kind)[:, np.newaxis], labels)
    return Calibration(margin_kind, float(regression.coef_[0, 0]), float(regression.intercept_[0]))

"""Log odds of probabilities, in numpy and in the graph: the same arithmetic side by side, in double precision."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from training.models.graph import GraphWriter

#: A probability summed in float32 is held this far from 0 and 1 before its logit is taken: a forest of a few hundred
#: trees tells no finer shares apart. The graph sums its complement too, so nothing cancels near 1.
FLOAT_EPSILON = 1e-4
#: The same for one computed in double, whose steps of 1e-16 move the logit by 1e-4 and the score by less than 1e-7.
DOUBLE_EPSILON = 1e-12


def log_odds(probability: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """Return ln(p / (1 - p)) of p held within [epsilon, 1 - epsilon].

    >>> log_odds(np.array([0.0, 0.5]), 0.01).round(3)
    array([-4.595,  0.   ])
    """
    odds: NDArray[np.float64] = logit(np.clip(probability, epsilon, 1 - epsilon))
    return odds


def write_log_odds(graph: GraphWriter, probability: str, epsilon: float) -> str:
    """Write the same for a double tensor and return the result's name."""
    clipped = graph.add("Clip", probability, graph.constant(epsilon), graph.constant(1 - epsilon))
    complement = graph.add("Sub", graph.constant(1.0), clipped)
    return graph.add("Log", graph.add("Div", clipped, complement))

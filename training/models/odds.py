"""Log odds of probabilities, computed with the same double-precision arithmetic in numpy and in the graph."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from training.models.graph import GraphWriter

#: Probabilities summed in float32 are clipped to [ε, 1 - ε] before the logit: a forest of a few hundred trees does not
#: resolve smaller differences. The graph sums the complement as well, so nothing cancels near 1.
FLOAT_EPSILON = 1e-4
#: The same limit for probabilities computed in double, where a step of 1e-16 changes the logit by 1e-4 and the score by
#: less than 1e-7.
DOUBLE_EPSILON = 1e-12


def log_odds(probability: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """Return ln(p / (1 - p)) with p clipped to [epsilon, 1 - epsilon].

    >>> log_odds(np.array([0.0, 0.5]), 0.01).round(3)
    array([-4.595,  0.   ])
    """
    odds: NDArray[np.float64] = logit(np.clip(probability, epsilon, 1 - epsilon))
    return odds


def write_log_odds(graph: GraphWriter, probability: str, epsilon: float) -> str:
    """Add `log_odds` of a double tensor to the graph, and return the name of the result."""
    clipped = graph.add("Clip", probability, graph.constant(epsilon), graph.constant(1 - epsilon))
    complement = graph.add("Sub", graph.constant(1.0), clipped)
    return graph.add("Log", graph.add("Div", clipped, complement))

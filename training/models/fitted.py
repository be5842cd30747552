"""Types shared by all model families: the input of a fit, and the fitted model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.graph import GraphWriter
from training.models.odds import FLOAT_EPSILON, log_odds

#: Scale of a margin: the log odds of fraud, or a probability, which the graph sums in float32.
MarginKind = Literal["log_odds", "probability"]
Labels = NDArray[np.int8]
#: Shape (n,), with mean 1.
Weights = NDArray[np.float64]
#: A family's hyperparameters by name: numbers and strings, the types that MLflow and Optuna accept.
Params = dict[str, Any]


class LabelledRows(NamedTuple):
    """Labelled rows for fitting or for early stopping."""

    #: (n, n_features).
    matrix: Matrix
    #: (n,), 1 for fraud.
    labels: Labels
    #: Weights (n,) of the rows; None for equal weights.
    sample_weight: Weights | None = None


@dataclass(frozen=True)
class FitTask:
    """Everything that a fit needs except the hyperparameters."""

    rows: LabelledRows
    #: Features in the order of the matrix's columns: linear models and neural nets encode them by kind.
    features: tuple[Feature, ...]
    seed: int
    #: Rows for the early stopping of boosters, none of which are in `rows`.
    stop_on: LabelledRows | None = None


@dataclass(frozen=True)
class FittedModel:
    """A fitted model, before calibration."""

    margin_kind: MarginKind
    #: Function from feature vectors (n, n_features) to margins (n,) in double precision, with which the
    #: parity check compares the graph.
    margin: Callable[[Matrix], NDArray[np.float64]]
    #: Adds the nodes that turn `FEATURES` into the log odds of fraud, double (n,), and returns the name of that tensor.
    write_log_odds: Callable[[GraphWriter], str]
    #: Number of trees, fewer than configured if a booster stopped early; None if the model is not a tree ensemble.
    trees: int | None = None


def margin_log_odds(margin: NDArray[np.float64], kind: MarginKind) -> NDArray[np.float64]:
    """Convert margins (n,) of either kind to log odds, as the nodes from `FittedModel.write_log_odds` do."""
    return margin if kind == "log_odds" else log_odds(margin, FLOAT_EPSILON)

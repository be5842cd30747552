"""What families are given and what they give, whatever their kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.graph import GraphWriter
from training.models.odds import FLOAT_EPSILON, log_odds

#: What a margin is: log odds of fraud, or a probability summed in float32 by the graph.
MarginKind = Literal["log_odds", "probability"]
Labels = NDArray[np.int8]
#: (n,), mean 1.
Weights = NDArray[np.float64]
#: A family's hyperparameters by name: numbers and strings, as MLflow and Optuna take them.
Params = dict[str, Any]


class LabelledRows(NamedTuple):
    """Labelled rows to fit on or to stop on."""

    #: (n, n_features).
    matrix: Matrix
    #: (n,), 1 for fraud.
    labels: Labels
    #: None: all alike.
    sample_weight: Weights | None = None


@dataclass(frozen=True)
class FitTask:
    """What a family is to fit, beside its params."""

    rows: LabelledRows
    #: Of the matrix's columns: linear models and nets encode by kind.
    features: tuple[Feature, ...]
    seed: int
    #: LabelledRows on which boosters look when to stop; never part of `rows`.
    stop_on: LabelledRows | None = None


@dataclass(frozen=True)
class FittedModel:
    """A fitted model, before calibration."""

    margin_kind: MarginKind
    #: (n, n_features) → (n,) margins in double precision: the original that the ONNX graph is held against.
    margin: Callable[[Matrix], NDArray[np.float64]]
    #: Writes the nodes from `FEATURES` to the margin as log odds, double (n,), and returns its name.
    write_log_odds: Callable[[GraphWriter], str]
    #: Trees in use, fewer than asked for where a booster stopped early; None for what is no ensemble of trees.
    trees: int | None = None


def margin_log_odds(margin: NDArray[np.float64], kind: MarginKind) -> NDArray[np.float64]:
    """Return a margin of either kind as log odds, as `FittedModel.write_log_odds` gives it in the graph."""
    return margin if kind == "log_odds" else log_odds(margin, FLOAT_EPSILON)

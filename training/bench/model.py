"""The one model that the bench trains, exports and holds against its graph: the champion's LightGBM."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from schemas.manifest import Feature
from stream.models.session import OnnxModel
from stream.scoring.features import Matrix
from training.candidate import PreparedSplit, prepare
from training.data.dataset import load
from training.data.split import split_by_time
from training.evaluation.thresholds import choose_policy
from training.models.calibrate import Calibration, fit_calibration
from training.models.export import check_parity, to_onnx
from training.models.families import LIGHTGBM, FittedModel, Labels

#: Legitimate rows of a model that is only there to be exported. It has as many trees of as many leaves as the trial's,
#: and fitting it takes too little memory to hide what the step itself takes.
_FEW = 20_000


@dataclass(frozen=True)
class Model:
    """A model before its export."""

    fitted: FittedModel
    calibration: Calibration
    features: tuple[Feature, ...]


def read_parts(data: Path) -> PreparedSplit:
    """Read a data file into the three matrices."""
    return prepare(split_by_time(load(data)))


def fit(matrix: Matrix, labels: Labels) -> FittedModel:
    """Fit with the champion's hyperparameters."""
    return LIGHTGBM.fit(LIGHTGBM.params, matrix, labels)


def few_rows_model(parts: PreparedSplit) -> Model:
    """Fit on all frauds and some of the other rows of the training part, and calibrate."""
    labels = parts.split.train.label
    every = max(1, len(labels) // _FEW)
    kept = (labels == 1) | (np.arange(len(labels)) % every == 0)
    fitted = fit(parts.train[kept], labels[kept])
    calibration = fit_calibration(fitted.margin(parts.validation), parts.split.validation.label, LIGHTGBM.margin_kind)
    return Model(fitted, calibration, parts.features)


def write_graph(model: Model, path: Path) -> None:
    """Write the graph and open it as the stream does."""
    graph: onnx.ModelProto = to_onnx(model.fitted.trees, model.calibration, len(model.features))
    path.write_bytes(graph.SerializeToString())
    OnnxModel(path, len(model.features))


def hold_against(model: Model, path: Path, parts: PreparedSplit) -> float:
    """Score the test part in the graph and in the original, and return the largest difference.

    Raises:
        QualityError: If they differ by more than a version may.
    """
    scores = OnnxModel(path, len(model.features)).score(parts.test)
    original = model.calibration.apply(model.fitted.margin(parts.test))
    return check_parity(scores, original, choose_policy(scores, parts.split.test.label, "bench"))

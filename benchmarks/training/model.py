"""The one model that the bench trains, exports and holds against its graph: the champion's LightGBM."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray

from schemas.manifest import Feature
from stream.models.onnx_session import OnnxModel
from stream.scoring.features import FeaturePlan, Matrix
from training.bundling.export import check_parity, to_onnx
from training.data.dataset import load
from training.data.featureset import DEFAULT, make_features
from training.data.split import split_by_time
from training.evaluation.operating_points import choose_comparison
from training.evaluation.scored import Scored
from training.models.calibrate import Calibration, fit_calibration
from training.models.families import LIGHTGBM, SEED, Labels
from training.models.fitted import FittedModel

#: Legitimate rows of a model that is only there to be exported. It has as many trees of as many leaves as the trial's,
#: and fitting it takes too little memory to hide what the step itself takes.
_FEW = 20_000


@dataclass(frozen=True)
class Matrices:
    """The three parts as models take them."""

    train: Matrix
    train_labels: Labels
    validation: Matrix
    validation_labels: Labels
    test: Matrix
    test_labels: Labels
    #: (n,) of the test part, minor units and UTC milliseconds.
    test_amounts: NDArray[np.int64]
    test_times_ms: NDArray[np.int64]
    #: The manifest's features as JSON, for they are no array.
    features_json: NDArray[np.str_]

    @property
    def features(self) -> tuple[Feature, ...]:
        """The manifest's features."""
        return msgspec.json.decode(str(self.features_json), type=tuple[Feature, ...])


@dataclass(frozen=True)
class Model:
    """A model before its export."""

    fitted: FittedModel
    calibration: Calibration


def write_matrices(data: Path, path: Path) -> None:
    """Split a data file and write its parts."""
    split = split_by_time(load(data))
    features = make_features(DEFAULT, split.train)
    plan = FeaturePlan(features, DEFAULT.missing)
    train, validation, test = ((part.matrix(plan), part.label) for part in (split.train, split.validation, split.test))
    made = Matrices(
        *(*train, *validation, *test),
        test_amounts=split.test.amount_minor,
        test_times_ms=split.test.event_time_ms,
        features_json=np.array(msgspec.json.encode(features).decode()),
    )
    np.savez(path, **vars(made))


def read_matrices(path: Path) -> Matrices:
    """Read what `write_matrices` wrote."""
    with np.load(path) as arrays:
        return Matrices(**arrays)


def fit(matrix: Matrix, labels: Labels, features: tuple[Feature, ...]) -> FittedModel:
    """Fit with the champion's hyperparameters."""
    return LIGHTGBM.fit(LIGHTGBM.params, matrix, labels, features=features, seed=SEED)


def few_rows_model(parts: Matrices) -> Model:
    """Fit on all frauds and some of the other rows of the training part, and calibrate."""
    labels = parts.train_labels
    every = max(1, len(labels) // _FEW)
    kept = (labels == 1) | (np.arange(len(labels)) % every == 0)
    fitted = fit(parts.train[kept], labels[kept], parts.features)
    calibration = fit_calibration(fitted.margin(parts.validation), parts.validation_labels, LIGHTGBM.margin_kind)
    return Model(fitted, calibration)


def write_graph(model: Model, features: tuple[Feature, ...], path: Path) -> None:
    """Write the graph and open it as the stream does."""
    graph: onnx.ModelProto = to_onnx(model.fitted, model.calibration, features)
    path.write_bytes(graph.SerializeToString())
    OnnxModel(path, len(features))


def hold_against(model: Model, path: Path, parts: Matrices) -> float:
    """Score the test part in the graph and in the original, and return the largest difference.

    Raises:
        QualityError: If they differ by more than a version may.
    """
    scores = OnnxModel(path, parts.test.shape[1]).score(parts.test)
    original = model.calibration.apply(model.fitted.margin(parts.test))
    policy = choose_comparison(Scored(scores, parts.test_labels, parts.test_amounts, parts.test_times_ms), "bench")
    return check_parity(scores, original, policy, parts.test_amounts)

"""The champion's LightGBM, which the benchmark trains, exports and compares with its ONNX graph."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray

from schemas.manifest import Feature
from stream.models.onnx_session import OnnxModel
from stream.scoring.features import FeaturePlan, Matrix
from training.bundling.export import to_onnx
from training.bundling.parity import check_parity
from training.data.dataset import load
from training.data.featureset import DEFAULT, make_features
from training.data.split import split_by_time
from training.evaluation.operating_points import choose_comparison
from training.evaluation.scored_rows import ScoredRows
from training.models.calibrate import Calibration, fit_calibration
from training.models.families import LIGHTGBM, SEED, Labels
from training.models.fitted import FittedModel

#: Approximate number of legitimate rows for a model that is only exported. The model has as many trees and leaves as
#: the trial's, but fitting it needs too little memory to mask the memory of the export itself.
_FEW_ROWS = 20_000


@dataclass(frozen=True)
class SplitMatrices:
    """Feature matrices and labels of the training and validation splits and the test set."""

    train: Matrix
    train_labels: Labels
    validation: Matrix
    validation_labels: Labels
    test: Matrix
    test_labels: Labels
    #: (n,) amounts in minor units, and event times in UTC milliseconds, of the test set.
    test_amounts: NDArray[np.int64]
    test_times_ms: NDArray[np.int64]
    #: Features for the manifest as JSON, because npz files can only contain arrays.
    features_json: NDArray[np.str_]

    @property
    def features(self) -> tuple[Feature, ...]:
        """Features for the manifest, in column order."""
        return msgspec.json.decode(str(self.features_json), type=tuple[Feature, ...])


@dataclass(frozen=True)
class CalibratedModel:
    """A fitted model and its calibration, before export."""

    fitted: FittedModel
    calibration: Calibration


def write_matrices(data: Path, path: Path) -> None:
    """Split a data file and write the feature matrices of its splits."""
    split = split_by_time(load(data))
    features = make_features(DEFAULT, split.train)
    plan = FeaturePlan(features, DEFAULT.missing)
    train, validation, test = ((part.matrix(plan), part.label) for part in (split.train, split.validation, split.test))
    matrices = SplitMatrices(
        *(*train, *validation, *test),
        test_amounts=split.test.amount_minor,
        test_times_ms=split.test.event_time_ms,
        features_json=np.array(msgspec.json.encode(features).decode()),
    )
    np.savez(path, **vars(matrices))


def read_matrices(path: Path) -> SplitMatrices:
    """Read a file that `write_matrices` wrote."""
    with np.load(path) as arrays:
        return SplitMatrices(**arrays)


def fit(matrix: Matrix, labels: Labels, features: tuple[Feature, ...]) -> FittedModel:
    """Fit LightGBM with the champion's hyperparameters."""
    return LIGHTGBM.fit(LIGHTGBM.params, matrix, labels, features=features, seed=SEED)


def few_rows_model(parts: SplitMatrices) -> CalibratedModel:
    """Fit a model on all frauds and a sample of the legitimate rows in the training split, and calibrate it."""
    labels = parts.train_labels
    every = max(1, len(labels) // _FEW_ROWS)
    kept = (labels == 1) | (np.arange(len(labels)) % every == 0)
    fitted = fit(parts.train[kept], labels[kept], parts.features)
    calibration = fit_calibration(fitted.margin(parts.validation), parts.validation_labels, LIGHTGBM.margin_kind)
    return CalibratedModel(fitted, calibration)


def write_graph(model: CalibratedModel, features: tuple[Feature, ...], path: Path) -> None:
    """Write the ONNX graph and open it in the session class that the worker uses."""
    graph: onnx.ModelProto = to_onnx(model.fitted, model.calibration, features)
    path.write_bytes(graph.SerializeToString())
    OnnxModel(path, len(features))


def check_graph(model: CalibratedModel, path: Path, parts: SplitMatrices) -> float:
    """Score the test set with the graph and with the original model, and return the largest difference.

    Raises:
        QualityError: If the scores differ by more than is permitted in a bundle.
    """
    scores = OnnxModel(path, parts.test.shape[1]).score(parts.test)
    original = model.calibration.apply(model.fitted.margin(parts.test))
    policy = choose_comparison(ScoredRows(scores, parts.test_labels, parts.test_amounts, parts.test_times_ms), "bench")
    return check_parity(scores, original, policy, parts.test_amounts)

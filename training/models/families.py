"""The three model families of the baseline, with fixed hyperparameters and seed 0.

Chosen on the validation part, for the stream's speed as much as for precision: 300 small trees each. Frauds are
not weighted up: LightGBM's `scale_pos_weight` at its usual value collapses here (average precision .25).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from xgboost import XGBClassifier

from stream.scoring.features import Matrix
from training.models.trees import TreeTable, read_extra_trees, read_lightgbm, read_xgboost

SEED = 0
TREES = 300

#: What a margin is: log odds of fraud, or a probability.
MarginKind = Literal["log_odds", "probability"]
Labels = NDArray[np.int8]


@dataclass(frozen=True)
class FittedModel:
    """A fitted model, before calibration."""

    #: (n, n_features) → (n,) margins in double precision: the original that the ONNX graph is held against.
    margin: Callable[[Matrix], NDArray[np.float64]]
    trees: TreeTable


@dataclass(frozen=True)
class Family:
    """A kind of model and how it is fitted."""

    algorithm: str
    margin_kind: MarginKind
    params: dict[str, Any]
    fit: Callable[[dict[str, Any], Matrix, Labels], FittedModel]


def _fit_lightgbm(params: dict[str, Any], matrix: Matrix, labels: Labels) -> FittedModel:
    booster = lightgbm.train(params, lightgbm.Dataset(matrix, labels), num_boost_round=TREES)
    return FittedModel(lambda rows: np.asarray(booster.predict(rows, raw_score=True)), read_lightgbm(booster))


def _fit_xgboost(params: dict[str, Any], matrix: Matrix, labels: Labels) -> FittedModel:
    model = XGBClassifier(**params, n_estimators=TREES).fit(matrix, labels)
    return FittedModel(lambda rows: model.predict(rows, output_margin=True).astype(np.float64), read_xgboost(model))


def _fit_extra_trees(params: dict[str, Any], matrix: Matrix, labels: Labels) -> FittedModel:
    model = ExtraTreesClassifier(**params, n_estimators=TREES).fit(matrix, labels)
    return FittedModel(lambda rows: model.predict_proba(rows)[:, 1], read_extra_trees(model))


LIGHTGBM = Family(
    "lightgbm",
    "log_odds",
    {
        "objective": "binary",
        "learning_rate": 0.02,
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        "lambda_l2": 1.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": SEED,
        # The same trees on any number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    },
    _fit_lightgbm,
)
XGBOOST = Family(
    "xgboost",
    "log_odds",
    {
        "learning_rate": 0.05,
        "max_depth": 4,
        "subsample": 0.8,
        "colsample_bytree": 0.7,
        "tree_method": "hist",
        "random_state": SEED,
    },
    _fit_xgboost,
)
EXTRA_TREES = Family(
    "extra-trees",
    "probability",
    # Unbounded, the forest is five times as large and no better on validation.
    {"max_depth": 10, "min_samples_leaf": 3, "random_state": SEED, "n_jobs": -1},
    _fit_extra_trees,
)
CHAMPION = LIGHTGBM
CHALLENGERS = (XGBOOST, EXTRA_TREES)

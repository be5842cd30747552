"""Gradient boosting: LightGBM and XGBoost, with or without early stopping."""

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
from optuna import Trial
from xgboost import XGBClassifier

from training.models.fitted import FitTask, FittedModel, LabelledRows, Params
from training.models.tree_readers import read_lightgbm, read_xgboost

#: Rounds without a better PR-AUC on the rows for early stopping, after which boosting ends.
PATIENCE = 50


def fit_lightgbm(params: Params, task: FitTask) -> FittedModel:
    """Fit LightGBM (G. Ke et al., 2017)."""
    options = {name: value for name, value in params.items() if name != "trees"} | {"seed": task.seed}
    rows, validation = _dataset(task.rows), list[lightgbm.Dataset]()
    callbacks: list[Callable[..., Any]] = []
    if task.stop_on:
        # The ranking, not the likelihood: weights and resampling change the share of fraud that margins express.
        options["metric"] = "average_precision"
        validation.append(_dataset(task.stop_on, rows))
        callbacks.append(lightgbm.early_stopping(PATIENCE, verbose=False))
    booster = lightgbm.train(options, rows, params["trees"], validation, callbacks=callbacks)
    return FittedModel(
        "log_odds",
        lambda rows: np.asarray(booster.predict(rows, raw_score=True)),
        read_lightgbm(booster).write,
        booster.best_iteration if task.stop_on else booster.num_trees(),
    )


def fit_xgboost(params: Params, task: FitTask) -> FittedModel:
    """Fit XGBoost (T. Chen, C. Guestrin, 2016)."""
    options = {name: value for name, value in params.items() if name != "trees"}
    stopping = {"early_stopping_rounds": PATIENCE, "eval_metric": "aucpr"} if task.stop_on else {}
    model = XGBClassifier(**options, **stopping, n_estimators=params["trees"], random_state=task.seed)
    model.fit(
        task.rows.matrix,
        task.rows.labels,
        sample_weight=task.rows.sample_weight,
        eval_set=[(task.stop_on.matrix, task.stop_on.labels)] if task.stop_on else None,
        verbose=False,
    )
    rounds = model.best_iteration + 1 if task.stop_on else params["trees"]
    return FittedModel(
        "log_odds",
        lambda rows: model.predict(rows, output_margin=True).astype(np.float64),
        read_xgboost(model, rounds).write,
        rounds,
    )


def suggest_lightgbm(trial: Trial) -> Params:
    """Suggest the most important hyperparameters; trees stay few and small enough for the stream."""
    return {
        "trees": trial.suggest_int("trees", 100, 500, step=50),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 7, 47),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 100, log=True),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 30.0, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
    }


def suggest_xgboost(trial: Trial) -> Params:
    """Suggest the most important hyperparameters; trees stay few and small enough for the stream."""
    return {
        "trees": trial.suggest_int("trees", 100, 500, step=50),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "max_depth": trial.suggest_int("max_depth", 3, 7),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.1, 10.0, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 30.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
    }


def _dataset(rows: LabelledRows, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    return lightgbm.Dataset(rows.matrix, rows.labels, weight=rows.sample_weight, reference=reference)

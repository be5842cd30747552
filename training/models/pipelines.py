"""Fit logistic regressions and neural nets with scikit-learn. Their graph includes column encoding and scaling."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Trial
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stream.scoring.features import Matrix
from training.models.encoding import Encoding
from training.models.fitted import FitTask, FittedModel, Params
from training.models.graph import GraphWriter
from training.models.odds import DOUBLE_EPSILON, log_odds
from training.models.sklearn_graph import write_sklearn_log_odds


def fit_logistic_regression(params: Params, task: FitTask) -> FittedModel:
    """Fit a logistic regression with an L2 penalty."""
    return _fit(LogisticRegression(**params, random_state=task.seed), task)


def fit_net(params: Params, task: FitTask) -> FittedModel:
    """Fit a multilayer perceptron of `layers` hidden layers of `width` units each, for `epochs` epochs at most."""
    renamed = ("layers", "width", "epochs")
    rest = {name: value for name, value in params.items() if name not in renamed}
    hidden = (params["width"],) * params["layers"]
    net = MLPClassifier(hidden, max_iter=params["epochs"], random_state=task.seed, **rest)
    with warnings.catch_warnings():
        # The number of epochs is a hyperparameter, so reaching it is not a failure to converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _fit(net, task)


def suggest_logistic_regression(trial: Trial) -> Params:
    """Suggest `C`, the inverse of the penalty's strength."""
    return {"C": trial.suggest_float("C", 1e-3, 10.0, log=True)}


def suggest_net(trial: Trial) -> Params:
    """Suggest the size of a net, within what is fast enough for the stream, and its learning parameters."""
    return {
        "layers": trial.suggest_int("layers", 1, 2),
        "width": trial.suggest_int("width", 8, 64, log=True),
        "epochs": trial.suggest_int("epochs", 4, 20),
        "alpha": trial.suggest_float("alpha", 1e-5, 1.0, log=True),
        "learning_rate_init": trial.suggest_float("learning_rate_init", 3e-4, 1e-2, log=True),
    }


def _fit(classifier: Any, task: FitTask) -> FittedModel:
    encoding = Encoding(task.features)
    pipeline = Pipeline([("scale", StandardScaler()), ("classify", classifier)])
    weights = task.rows.sample_weight
    pipeline.fit(encoding.transform(task.rows.matrix), task.rows.labels, classify__sample_weight=weights)

    def margin(matrix: Matrix) -> NDArray[np.float64]:
        return log_odds(pipeline.predict_proba(encoding.transform(matrix))[:, 1], DOUBLE_EPSILON)

    def write(graph: GraphWriter) -> str:
        return write_sklearn_log_odds(graph, pipeline, encoding.write(graph), encoding.width)

    return FittedModel("log_odds", margin, write)

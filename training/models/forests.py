"""Random forests and extremely randomised trees (scikit-learn)."""

from optuna import Trial
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from training.models.fitted import FitTask, FittedModel, Params
from training.models.odds import FLOAT_EPSILON
from training.models.tree_readers import read_forest


def fit_random_forest(params: Params, task: FitTask) -> FittedModel:
    """Fit a random forest (L. Breiman, "Random forests", 2001)."""
    return _fit(RandomForestClassifier, params, task)


def fit_extra_trees(params: Params, task: FitTask) -> FittedModel:
    """Fit extremely randomised trees (P. Geurts et al., "Extremely randomized trees", 2006)."""
    return _fit(ExtraTreesClassifier, params, task)


def suggest_forest(trial: Trial) -> Params:
    """Suggest the size of the trees. Deeper trees hardly score better and take several times as long per row."""
    return {
        "max_depth": trial.suggest_int("max_depth", 6, 14),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 20, log=True),
        "max_features": trial.suggest_float("max_features", 0.1, 0.6),
    }


def _fit(kind: type[RandomForestClassifier | ExtraTreesClassifier], params: Params, task: FitTask) -> FittedModel:
    rest = {name: value for name, value in params.items() if name != "trees"}
    model = kind(**rest, n_estimators=params["trees"], random_state=task.seed)
    model.fit(task.rows.matrix, task.rows.labels, sample_weight=task.rows.sample_weight)
    # Several threads add up the trees in varying order, and a stack fitted on such sums would not be reproducible.
    model.set_params(n_jobs=1)
    table = read_forest(model)
    return FittedModel(
        "probability",
        lambda rows: model.predict_proba(rows)[:, 1],
        lambda graph: table.write_log_odds(graph, FLOAT_EPSILON),
        len(model.estimators_),
    )

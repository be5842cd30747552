"""The model families behind one interface, each with default hyperparameters and a search space.

The defaults of the boosters and of extra trees were chosen on the validation split, for speed in the stream as much as
for precision: each has 300 small trees. No family gives frauds a higher weight by itself, because LightGBM
collapses at the usual value of `scale_pos_weight` (average precision 0.25). Use `resampling` for that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optuna import Trial

from schemas.errors import DataError
from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.boosters import fit_lightgbm, fit_xgboost, suggest_lightgbm, suggest_xgboost
from training.models.fitted import FitTask, FittedModel, LabelledRows, Labels, MarginKind, Params, Weights
from training.models.forests import fit_extra_trees, fit_random_forest, suggest_forest
from training.models.pipelines import (
    fit_logistic_regression,
    fit_net,
    suggest_logistic_regression,
    suggest_net,
)

__all__ = ["CHALLENGERS", "CHAMPION", "FAMILIES", "SEED", "TREES", "Family", "FittedModel", "Labels", "MarginKind"]

#: Random seed of the baseline's models.
SEED = 0
#: Number of trees in an ensemble whose hyperparameters do not set the number.
TREES = 300

_Fitter = Callable[[Params, FitTask], FittedModel]


@dataclass(frozen=True)
class Family:
    """A kind of model: how to fit such a model, and the search space of its hyperparameters."""

    algorithm: str
    #: Kind of margin that models of this family return.
    margin_kind: MarginKind
    #: Default hyperparameters.
    params: Params
    fitter: _Fitter
    space: Callable[[Trial], Params]
    #: True if the family uses `stop_on`.
    stops_early: bool = False

    def fit(
        self,
        params: Params,
        matrix: Matrix,
        labels: Labels,
        *,
        features: Sequence[Feature],
        seed: int,
        sample_weight: Weights | None = None,
        stop_on: LabelledRows | None = None,
    ) -> FittedModel:
        """Fit one model. The same arguments always give the same model.

        Args:
            params: All hyperparameters, such as `self.params` or the result of `suggest`.
            matrix: Feature vectors (n, n_features), NaN where a value is missing.
            labels: (n,), 1 for fraud.
            features: Features in the order of the matrix's columns.
            seed: Seed of all random choices.
            sample_weight: Weights (n,) of the rows; None for equal weights.
            stop_on: Other rows, never resampled, on which a booster finds its best number of trees; other families
                ignore them.

        Raises:
            DataError: If all rows belong to one class.
        """
        if not 0 < labels.sum() < len(labels):
            raise DataError(
                f"{self.algorithm} cannot learn from {len(labels)} rows, {labels.sum()} of which are frauds; "
                "use rows with both frauds and legitimate transactions, such as a longer period"
            )
        return self.fitter(params, FitTask(LabelledRows(matrix, labels, sample_weight), tuple(features), seed, stop_on))

    def suggest(self, trial: Trial) -> Params:
        """Return the default hyperparameters, updated with those that an Optuna trial suggests."""
        return self.params | self.space(trial)


def _with_trees(fitter: _Fitter) -> _Fitter:
    return lambda params, task: fitter({"trees": TREES} | params, task)


LOGISTIC_REGRESSION = Family(
    "logistic-regression",
    "log_odds",
    {"C": 1.0, "max_iter": 1000},
    fit_logistic_regression,
    suggest_logistic_regression,
)
RANDOM_FOREST = Family(
    "random-forest",
    "probability",
    {"max_depth": 10, "min_samples_leaf": 3, "n_jobs": -1},
    _with_trees(fit_random_forest),
    suggest_forest,
)
EXTRA_TREES = Family(
    "extra-trees",
    "probability",
    # Without this limit, the forest is five times as large and no better on the validation split.
    {"max_depth": 10, "min_samples_leaf": 3, "n_jobs": -1},
    _with_trees(fit_extra_trees),
    suggest_forest,
)
XGBOOST = Family(
    "xgboost",
    "log_odds",
    {"learning_rate": 0.05, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.7, "tree_method": "hist"},
    _with_trees(fit_xgboost),
    suggest_xgboost,
    stops_early=True,
)
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
        # Ensures the same trees on any number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    },
    _with_trees(fit_lightgbm),
    suggest_lightgbm,
    stops_early=True,
)
NET = Family(
    "net",
    "log_odds",
    {"layers": 2, "width": 32, "epochs": 10, "alpha": 1e-3, "learning_rate_init": 1e-3, "batch_size": 256},
    fit_net,
    suggest_net,
)
#: Families by algorithm; `stack.fit_stack` combines their models.
FAMILIES = {
    family.algorithm: family for family in (LOGISTIC_REGRESSION, RANDOM_FOREST, EXTRA_TREES, XGBOOST, LIGHTGBM, NET)
}
#: Families of the baseline.
CHAMPION = LIGHTGBM
CHALLENGERS = (XGBOOST, EXTRA_TREES)

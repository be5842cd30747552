"""The model families behind one interface, each with default hyperparameters and a search space.

The boosters' defaults and extra trees' were chosen on the validation part, for the stream's speed as much as for
precision: 300 small trees each. No family weights frauds up by itself: LightGBM's `scale_pos_weight` at its usual
value collapses here (average precision .25). That is a treatment's part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optuna import Trial

from schemas.errors import DataError
from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.boosters import fit_lightgbm, fit_xgboost, suggest_lightgbm, suggest_xgboost
from training.models.fitted import FittedModel, Labels, MarginKind, Params, LabelledRows, FitTask, Weights
from training.models.forests import fit_extra_trees, fit_random_forest, suggest_forest
from training.models.pipelines import (
    fit_logistic_regression,
    fit_net,
    suggest_logistic_regression,
    suggest_net,
)

__all__ = ["CHALLENGERS", "CHAMPION", "FAMILIES", "SEED", "TREES", "Family", "FittedModel", "Labels", "MarginKind"]

#: Of the baseline.
SEED = 0
#: Trees of an ensemble whose params name no other number.
TREES = 300

_Fitter = Callable[[Params, FitTask], FittedModel]


@dataclass(frozen=True)
class Family:
    """A kind of model, how it is fitted, and where to search."""

    algorithm: str
    #: Of every model of this family.
    margin_kind: MarginKind
    #: Defaults.
    params: Params
    fitter: _Fitter
    space: Callable[[Trial], Params]
    #: Whether `stop_on` has an effect.
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
        """Fit one model; the same arguments give the same model.

        Args:
            params: All of them, as in `self.params` or from `suggest`.
            matrix: (n, n_features), NaN where a value is missing.
            labels: (n,).
            features: Of the matrix's columns.
            seed: For whatever the family draws.
            sample_weight: (n,) or None.
            stop_on: Other rows, never resampled, on which a booster looks for its best number of trees; families
                that do not grow round by round take no notice.

        Raises:
            DataError: If the rows are all of one class.
        """
        if not 0 < labels.sum() < len(labels):
            raise DataError(
                f"{self.algorithm} cannot learn from {len(labels)} rows of which {labels.sum()} are frauds; "
                "both classes are needed, take a longer or another part"
            )
        return self.fitter(params, FitTask(LabelledRows(matrix, labels, sample_weight), tuple(features), seed, stop_on))

    def suggest(self, trial: Trial) -> Params:
        """Return the defaults with what an Optuna trial suggests."""
        return self.params | self.space(trial)


def _growing(fitter: _Fitter) -> _Fitter:
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
    _growing(fit_random_forest),
    suggest_forest,
)
EXTRA_TREES = Family(
    "extra-trees",
    "probability",
    # Unbounded, the forest is five times as large and no better on validation.
    {"max_depth": 10, "min_samples_leaf": 3, "n_jobs": -1},
    _growing(fit_extra_trees),
    suggest_forest,
)
XGBOOST = Family(
    "xgboost",
    "log_odds",
    {"learning_rate": 0.05, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.7, "tree_method": "hist"},
    _growing(fit_xgboost),
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
        # The same trees on any number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    },
    _growing(fit_lightgbm),
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
#: By algorithm; a stack is made of their models by `stack.fit_stack`.
FAMILIES = {
    family.algorithm: family for family in (LOGISTIC_REGRESSION, RANDOM_FOREST, EXTRA_TREES, XGBOOST, LIGHTGBM, NET)
}
#: Of the baseline.
CHAMPION = LIGHTGBM
CHALLENGERS = (XGBOOST, EXTRA_TREES)

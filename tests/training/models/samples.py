"""Synthetic labelled rows with features of every kind, and a small model of every family fitted on them."""

from dataclasses import dataclass

import numpy as np

from schemas.manifest import Feature, FeatureKind
from stream.scoring.features import Matrix
from training.models.families import FAMILIES
from training.models.fitted import FittedModel, LabelledRows, Labels, Params
from training.models.stack import ALGORITHM, fit_stack

_KINDS: tuple[FeatureKind, ...] = ("numeric", "numeric", "amount_minor", "log_amount", "hour_sin", "hour_cos")
_CATEGORIES = ("food", "travel", "games")


@dataclass(frozen=True)
class Sample:
    """Labelled rows, with a description of the feature in each column."""

    features: tuple[Feature, ...]
    matrix: Matrix
    labels: Labels

    @property
    def rows(self) -> LabelledRows:
        """The rows in the type that the training code passes on."""
        return LabelledRows(self.matrix, self.labels)


def make_sample(
    rows: int = 4000, *, seed: int = 0, fraud_share: float = 0.05, missing: bool = False, categories: bool = False
) -> Sample:
    """Return rows whose frauds differ in the first two features and are frequent in one category.

    With `missing`, a tenth of each column is NaN; with `categories`, a seventh, categorical column is added that also
    has unknown values.
    """
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < fraud_share).astype(np.int8)
    amount = np.round(random.lognormal(8, 1.5, rows))
    hour = random.uniform(0, 2 * np.pi, rows)
    columns = [
        random.normal(size=rows) + 1.8 * labels,
        5 * random.normal(size=rows) - 9 * labels + 100,
        amount,
        np.log1p(amount),
        np.sin(hour),
        np.cos(hour),
    ]
    kinds = list(_KINDS)
    if categories:
        # 3 is the code of a value outside the three categories.
        columns.append(np.where(labels == 1, random.integers(1, 4, rows), random.integers(0, 3, rows)))
        kinds.append("categorical")
    matrix = np.column_stack(columns).astype(np.float32)
    medians = np.median(matrix, axis=0)
    if missing:
        matrix[random.random(matrix.shape) < 0.1] = np.nan
    features = tuple(
        Feature(f"f{i}", float(medians[i]), kind, _CATEGORIES if kind == "categorical" else ())
        for i, kind in enumerate(kinds)
    )
    return Sample(features, matrix, labels)


#: Every family, and a stack of some of them.
ALGORITHMS = (*FAMILIES, ALGORITHM)
_MEMBERS = ("logistic-regression", "extra-trees", "lightgbm")
_FEW_TREES: Params = {"trees": 30}
_SMALLER: dict[str, Params] = {
    "logistic-regression": {},
    "net": {"width": 12, "epochs": 15, "batch_size": 64, "learning_rate_init": 5e-3},
}


def fit_small(algorithm: str, sample: Sample, *, seed: int = 0, resampled: LabelledRows | None = None) -> FittedModel:
    """Fit a small model of any family, or a stack, on the rows of the sample or on those rows after resampling."""
    rows = resampled or sample.rows
    if algorithm == ALGORITHM:
        return _fit_stack(sample, seed, rows)
    family = FAMILIES[algorithm]
    return family.fit(
        family.params | _SMALLER.get(algorithm, _FEW_TREES),
        rows.matrix,
        rows.labels,
        features=sample.features,
        seed=seed,
        sample_weight=rows.sample_weight,
    )


def _fit_stack(sample: Sample, seed: int, rows: LabelledRows) -> FittedModel:
    # Even and odd rows are the two folds; each is scored by members fitted on the other.
    out_of_fold = np.empty((len(rows.labels), len(_MEMBERS)))
    for fold in (0, 1):
        weight = None if rows.sample_weight is None else rows.sample_weight[1 - fold :: 2]
        fitted_on = LabelledRows(rows.matrix[1 - fold :: 2], rows.labels[1 - fold :: 2], weight)
        for column, member in enumerate(_MEMBERS):
            model = fit_small(member, sample, seed=seed, resampled=fitted_on)
            out_of_fold[fold::2, column] = model.margin(rows.matrix[fold::2])
    members = [fit_small(member, sample, seed=seed, resampled=rows) for member in _MEMBERS]
    return fit_stack(members, out_of_fold, rows.labels, seed=seed, sample_weight=rows.sample_weight)

"""A fit of one entry: its seed, the rows that it uses, and the frauds that it keeps."""

import numpy as np
import pytest

import training.models.families
from schemas.manifest import Feature
from stream.scoring.features import Matrix
from tests.training.study.conftest import TREES
from tests.training.study.records import make_record
from training.data.split import Fold
from training.data.training_data import TrainingData
from training.models.families import FAMILIES
from training.models.fitted import Labels, Params
from training.models.stack import ALGORITHM as STACK
from training.study.fitting import fit, stack_params
from training.study.plan import ALL_FAMILIES, Entry

ROWS, FRAUDS = 1000, 100


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep models small: the tests check what a model is fitted on, not how good it is."""
    monkeypatch.setattr(training.models.families, "TREES", TREES)


@pytest.fixture
def training_data() -> TrainingData:
    """Training data with four columns; every tenth row is a fraud, which differs in the first column."""
    labels: Labels = (np.arange(ROWS) % (ROWS // FRAUDS) == 0).astype(np.int8)
    matrix: Matrix = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
    matrix[:, 0] += 2 * labels
    features = tuple(Feature(name, 0.0) for name in "abcd")
    return TrainingData(features, matrix, labels, (Fold(slice(0, 600), slice(600, ROWS)),))


def members() -> Params:
    """Return the params of a stack of two members with default hyperparameters."""
    described = stack_params([make_record(0.5, 0.5, family=name) for name in ("logistic-regression", "lightgbm")])
    for member in described["members"]:
        member["params"] = FAMILIES[member["family"]].params
    return described


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_the_same_seed_gives_the_same_model(training_data: TrainingData, family: str) -> None:
    """Subsampling, treatment and model are seeded. The model separates the classes on later rows."""
    entry = Entry(family, "undersampling", 0, 0.8)
    # A neural network needs small batches to learn from this few rows.
    given = members() if family == STACK else FAMILIES[family].params | ({"batch_size": 16} if family == "net" else {})
    later = training_data.folds[0].validate
    margins = [
        fit(entry, given, training_data, training_data.folds[0].train, seed=3).model.margin(training_data.matrix[later])
        for _ in range(2)
    ]
    np.testing.assert_array_equal(margins[0], margins[1])
    fraud = training_data.labels[later] == 1
    assert margins[0][fraud].mean() > margins[0][~fraud].mean()


def test_all_frauds_are_kept_for_any_share_of_legitimate_rows(training_data: TrainingData) -> None:
    """A model is fitted on all 100 frauds, and on half of the 900 legitimate rows if the share is a half."""
    entry = Entry("logistic-regression", "none", 0, 0.5)
    rows = fit(entry, FAMILIES["logistic-regression"].params, training_data, slice(0, ROWS), seed=0).rows
    assert FRAUDS + 400 < rows < FRAUDS + 500


def test_a_fit_uses_its_own_rows_only(training_data: TrainingData) -> None:
    """Rows outside the fit change neither a single model nor a stack."""
    train = training_data.folds[0].train
    changed = TrainingData(
        training_data.features, training_data.matrix.copy(), training_data.labels.copy(), training_data.folds
    )
    changed.matrix[train.stop :] = 0
    changed.labels[train.stop :] = 0
    for family, given in (("lightgbm", FAMILIES["lightgbm"].params), (STACK, members())):
        entry = Entry(family, "smote", 0, 1.0)
        one, other = (
            fit(entry, given, each, train, seed=0).model.margin(training_data.matrix)
            for each in (training_data, changed)
        )
        np.testing.assert_array_equal(one, other)

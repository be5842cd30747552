"""Early stopping of the boosters, and the search spaces of all families."""

import numpy as np
import optuna
import pytest

from tests.training.models.samples import make_sample
from training.bundling.export import open_session, to_onnx
from training.models.calibrate import Calibration
from training.models.families import FAMILIES, LIGHTGBM, TREES, XGBOOST, Family

boosters = pytest.mark.parametrize("family", [LIGHTGBM, XGBOOST], ids=lambda family: family.algorithm)


@boosters
def test_an_early_stop_also_limits_the_trees_of_the_graph(family: Family) -> None:
    """If boosting stops early, the graph has only the trees up to the best round, like the original."""
    train, other = make_sample(2000), make_sample(2000, seed=1)
    params = family.params | {"learning_rate": 0.5}
    fitted = family.fit(params, train.matrix, train.labels, features=train.features, seed=0, stop_on=other.rows)
    assert fitted.trees is not None
    assert 0 < fitted.trees < TREES
    calibration = Calibration(family.margin_kind, 1.0, 0.0)
    graph = to_onnx(fitted, calibration, train.features)
    (ensemble,) = (node for node in graph.graph.node if node.op_type == "TreeEnsembleRegressor")
    numbers = next(attribute.ints for attribute in ensemble.attribute if attribute.name == "nodes_treeids")
    assert len(set(numbers)) == fitted.trees
    original = calibration.apply(fitted.margin(other.matrix))
    np.testing.assert_allclose(open_session(graph).score(other.matrix), original, atol=1e-6)


@boosters
def test_without_rows_for_early_stopping_all_trees_are_fitted(family: Family) -> None:
    """Without rows for early stopping, the number of trees is that in the hyperparameters, or else `TREES`."""
    train = make_sample(500)
    for params, trees in ((family.params, TREES), (family.params | {"trees": 7}, 7)):
        fitted = family.fit(params, train.matrix, train.labels, features=train.features, seed=0)
        assert fitted.trees == trees


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.algorithm)
def test_suggested_params_can_be_fitted_unchanged(family: Family) -> None:
    """Two trials of a seeded search differ and are reproducible; parameters outside the search space keep defaults."""
    train = make_sample(400, fraud_share=0.2)
    suggested = []
    for _ in range(2):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        suggested.append([family.suggest(study.ask()) for _ in range(2)])
    assert suggested[0] == suggested[1]
    first, second = suggested[0]
    assert first != second
    assert first.keys() >= family.params.keys()
    fitted = family.fit(first, train.matrix, train.labels, features=train.features, seed=0)
    assert np.isfinite(fitted.margin(train.matrix)).all()

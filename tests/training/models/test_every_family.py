"""Properties of models of every family and of stacks. A new family is covered as soon as it is in `FAMILIES`."""

import functools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from schemas.errors import DataError
from schemas.messages import Policy
from stream.models.onnx_session import OnnxModel
from tests.training.models.samples import ALGORITHMS, Sample, fit_small, make_sample
from training.bundling.export import open_session, to_onnx
from training.bundling.parity import check_parity, nearest_rows
from training.models.calibrate import Calibration, fit_calibration
from training.models.families import EXTRA_TREES, FAMILIES, LIGHTGBM, RANDOM_FOREST, XGBOOST
from training.models.fitted import FittedModel, margin_log_odds
from training.models.graph import IR_VERSION, ML_DOMAIN, ML_OPSET, OPSET
from training.models.resampling import RESAMPLINGS, Resampling, resample_rows

#: Tolerance for scores in float32.
CLOSE = 1e-6
TREES = {family.algorithm for family in (RANDOM_FOREST, EXTRA_TREES, XGBOOST, LIGHTGBM)}

every_family = pytest.mark.parametrize("algorithm", ALGORITHMS)
#: Samples with complete numeric columns, and with columns of all kinds, each with missing values.
every_shape = pytest.mark.parametrize("mixed", [False, True], ids=["complete", "mixed"])


@functools.cache
def sample(part: str, *, mixed: bool) -> Sample:
    """Return the rows for one purpose: fitting, calibration or scoring."""
    seed = ("train", "validation", "test").index(part)
    return make_sample(seed=seed, missing=mixed, categories=mixed)


@functools.cache
def model(algorithm: str, *, mixed: bool) -> tuple[FittedModel, Calibration, OnnxModel]:
    """Return one fitted model, its calibration, and its graph, loaded as the worker loads it."""
    fitted, validation = fit_small(algorithm, sample("train", mixed=mixed)), sample("validation", mixed=mixed)
    calibration = fit_calibration(fitted.margin(validation.matrix), validation.labels, fitted.margin_kind)
    return fitted, calibration, open_session(to_onnx(fitted, calibration, validation.features))


@every_shape
@every_family
def test_a_model_ranks_new_rows_well(algorithm: str, mixed: bool) -> None:
    """On rows that a model was not fitted on, its PR-AUC is over ten times that of chance, even with missing values."""
    test = sample("test", mixed=mixed)
    scores = model(algorithm, mixed=mixed)[2].score(test.matrix)
    assert average_precision_score(test.labels, scores) > 10 * test.labels.mean()


@every_shape
@every_family
def test_the_same_seed_gives_the_same_graph(algorithm: str, mixed: bool) -> None:
    """The same seed gives graphs that are equal byte for byte."""
    fitted, calibration, _ = model(algorithm, mixed=mixed)
    train = sample("train", mixed=mixed)
    again = to_onnx(fit_small(algorithm, train), calibration, train.features)
    assert again.SerializeToString() == to_onnx(fitted, calibration, train.features).SerializeToString()


@every_shape
@every_family
def test_the_graph_gives_the_scores_of_the_original(algorithm: str, mixed: bool) -> None:
    """The graph gives the original's scores on all rows, with missing and unknown values, and near the thresholds."""
    test = sample("test", mixed=mixed)
    fitted, calibration, session = model(algorithm, mixed=mixed)
    scores = session.score(test.matrix)
    ordered = np.unique(scores)
    review, decline = (float(np.mean(ordered[at : at + 2])) for at in (len(ordered) // 2, len(ordered) * 9 // 10))
    policy = Policy("v", review=review, decline=decline)
    no_amounts = np.zeros(len(scores), dtype=np.int64)  # this kind of policy ignores amounts
    near = nearest_rows(scores, policy, no_amounts, 20)
    assert len(near) >= 20
    matrix = np.concatenate([test.matrix, test.matrix[near]])
    no_amounts = np.zeros(len(matrix), dtype=np.int64)
    assert check_parity(session.score(matrix), calibration.apply(fitted.margin(matrix)), policy, no_amounts) < CLOSE


@every_family
def test_values_that_are_missing_only_in_the_stream_get_the_scores_of_the_original(algorithm: str) -> None:
    """A model fitted on complete rows scores rows with missing values, even all of them, like the original."""
    complete, gaps = sample("test", mixed=False), make_sample(seed=3, missing=True)
    fitted, calibration, session = model(algorithm, mixed=False)
    assert not np.isnan(complete.matrix).any()
    gaps.matrix[0] = np.nan
    original = calibration.apply(fitted.margin(gaps.matrix))
    np.testing.assert_allclose(session.score(gaps.matrix), original, atol=CLOSE)


@every_shape
@every_family
def test_a_score_does_not_depend_on_the_batch(algorithm: str, mixed: bool) -> None:
    """Tree models' scores are bit-identical in batches of any size; other models' scores differ by at most `CLOSE`."""
    matrix, session = sample("test", mixed=mixed).matrix[:600], model(algorithm, mixed=mixed)[2]
    together = session.score(matrix)
    for size in (1, 7, 250):
        parts = [session.score(matrix[at : at + size]) for at in range(0, len(matrix), size)]
        np.testing.assert_allclose(np.concatenate(parts), together, rtol=0, atol=0 if algorithm in TREES else CLOSE)


@every_family
def test_the_graph_has_the_form_that_the_stream_serves(algorithm: str) -> None:
    """The graph has one input, one output and the pinned versions, whatever the defaults of the converters."""
    fitted, calibration, _ = model(algorithm, mixed=True)
    graph = to_onnx(fitted, calibration, sample("test", mixed=True).features)
    assert ([i.name for i in graph.graph.input], [o.name for o in graph.graph.output]) == (["features"], ["score"])
    assert graph.ir_version == IR_VERSION
    assert {opset.domain: opset.version for opset in graph.opset_import} == {"": OPSET, ML_DOMAIN: ML_OPSET}


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@every_family
def test_the_mean_score_is_the_share_of_fraud(algorithm: str, resampling: Resampling) -> None:
    """Calibration restores the natural share of fraud after every resampling, on rows that were not resampled."""
    train, validation = (make_sample(seed=seed, fraud_share=0.02) for seed in (0, 1))
    resampled = resample_rows(
        resampling,
        train.matrix,
        train.labels,
        features=train.features,
        seed=0,
        ratio=0.3,
    )
    fitted = fit_small(algorithm, train, resampled=resampled)
    margin = fitted.margin(validation.matrix)
    if resampling != "none":  # without resampling there is nothing to restore
        uncalibrated = 1 / (1 + np.exp(-margin_log_odds(margin, fitted.margin_kind)))
        assert uncalibrated.mean() > 1.2 * validation.labels.mean()
    calibration = fit_calibration(margin, validation.labels, fitted.margin_kind)
    session = open_session(to_onnx(fitted, calibration, train.features))
    assert 0.9 < session.score(validation.matrix).mean() / validation.labels.mean() < 1.1


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("algorithm", FAMILIES)
def test_rows_of_one_class_are_rejected(algorithm: str, label: int) -> None:
    """Rows of one class cause a clear one-line error instead of a failure inside a library."""
    train = make_sample(200)
    family = FAMILIES[algorithm]
    with pytest.raises(DataError, match=f"200 rows, {200 * label} of which are frauds; use rows with both"):
        family.fit(family.params, train.matrix, np.full(200, label, np.int8), features=train.features, seed=0)

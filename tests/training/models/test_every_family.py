"""What holds for a model of every family, the stack among them: one suite that a new family joins by its name."""

import functools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from schemas.errors import DataError
from schemas.messages import Policy
from stream.models.onnx_session import OnnxModel
from tests.training.models.samples import ALGORITHMS, Sample, fit_small, make_sample
from training.bundling.export import check_parity, nearest_rows, open_session, to_onnx
from training.models.calibrate import Calibration, fit_calibration
from training.models.cost import BATCH, cost_us
from training.models.families import EXTRA_TREES, FAMILIES, LIGHTGBM, RANDOM_FOREST, XGBOOST
from training.models.fitted import FittedModel, margin_log_odds
from training.models.graph import IR_VERSION, ML_DOMAIN, ML_OPSET, OPSET
from training.models.resampling import RESAMPLINGS, resample_rows

#: Differences beyond the last digits of a float32.
CLOSE = 1e-6
TREES = {family.algorithm for family in (RANDOM_FOREST, EXTRA_TREES, XGBOOST, LIGHTGBM)}

every_family = pytest.mark.parametrize("algorithm", ALGORITHMS)
#: Complete numbers; all kinds of columns, each with missing values.
every_shape = pytest.mark.parametrize("mixed", [False, True], ids=["complete", "mixed"])


@functools.cache
def sample(part: str, *, mixed: bool) -> Sample:
    """Rows to fit on, to calibrate on, and to score."""
    seed = ("train", "validation", "test").index(part)
    return make_sample(seed=seed, missing=mixed, categories=mixed)


@functools.cache
def model(algorithm: str, *, mixed: bool) -> tuple[FittedModel, Calibration, OnnxModel]:
    """One fit, calibrated and opened as the stream does."""
    fitted, validation = fit_small(algorithm, sample("train", mixed=mixed)), sample("validation", mixed=mixed)
    calibration = fit_calibration(fitted.margin(validation.matrix), validation.labels, fitted.margin_kind)
    return fitted, calibration, open_session(to_onnx(fitted, calibration, validation.features))


@every_shape
@every_family
def test_it_learns(algorithm: str, mixed: bool) -> None:
    """Its ranking of rows it has not seen is several times better than chance, where columns are incomplete too."""
    test = sample("test", mixed=mixed)
    scores = model(algorithm, mixed=mixed)[2].score(test.matrix)
    assert average_precision_score(test.labels, scores) > 10 * test.labels.mean()


@every_shape
@every_family
def test_the_same_seed_gives_the_same_graph(algorithm: str, mixed: bool) -> None:
    """To the last byte."""
    fitted, calibration, _ = model(algorithm, mixed=mixed)
    train = sample("train", mixed=mixed)
    again = to_onnx(fit_small(algorithm, train), calibration, train.features)
    assert again.SerializeToString() == to_onnx(fitted, calibration, train.features).SerializeToString()


@every_shape
@every_family
def test_the_graph_scores_as_the_original(algorithm: str, mixed: bool) -> None:
    """On every row of a part and on those nearest to the thresholds, missing and unknown values among them."""
    test = sample("test", mixed=mixed)
    fitted, calibration, session = model(algorithm, mixed=mixed)
    scores = session.score(test.matrix)
    ordered = np.unique(scores)
    review, decline = (float(np.mean(ordered[at : at + 2])) for at in (len(ordered) // 2, len(ordered) * 9 // 10))
    policy = Policy("v", review=review, decline=decline)
    no_amounts = np.zeros(len(scores), dtype=np.int64)  # which this kind of policy does not look at
    near = nearest_rows(scores, policy, no_amounts, 20)
    assert len(near) >= 20
    matrix = np.concatenate([test.matrix, test.matrix[near]])
    no_amounts = np.zeros(len(matrix), dtype=np.int64)
    assert check_parity(session.score(matrix), calibration.apply(fitted.margin(matrix)), policy, no_amounts) < CLOSE


@every_family
def test_a_value_first_missing_at_serving_is_scored_as_the_original_would(algorithm: str) -> None:
    """Fitted on complete rows, scored where anything may be missing, all of a row too."""
    complete, gaps = sample("test", mixed=False), make_sample(seed=3, missing=True)
    fitted, calibration, session = model(algorithm, mixed=False)
    assert not np.isnan(complete.matrix).any()
    gaps.matrix[0] = np.nan
    original = calibration.apply(fitted.margin(gaps.matrix))
    np.testing.assert_allclose(session.score(gaps.matrix), original, atol=CLOSE)


@every_shape
@every_family
def test_a_score_does_not_depend_on_its_neighbours(algorithm: str, mixed: bool) -> None:
    """Alone, in batches of any size, and in one large batch; trees to the last bit, as a replay wants them."""
    matrix, session = sample("test", mixed=mixed).matrix[:600], model(algorithm, mixed=mixed)[2]
    together = session.score(matrix)
    for size in (1, 7, 250):
        parts = [session.score(matrix[at : at + size]) for at in range(0, len(matrix), size)]
        np.testing.assert_allclose(np.concatenate(parts), together, rtol=0, atol=0 if algorithm in TREES else CLOSE)


@every_family
def test_the_graph_is_what_the_stream_serves(algorithm: str) -> None:
    """One input, one output, and pinned versions, whatever the converters would take by default."""
    fitted, calibration, _ = model(algorithm, mixed=True)
    graph = to_onnx(fitted, calibration, sample("test", mixed=True).features)
    assert ([i.name for i in graph.graph.input], [o.name for o in graph.graph.output]) == (["features"], ["score"])
    assert graph.ir_version == IR_VERSION
    assert {opset.domain: opset.version for opset in graph.opset_import} == {"": OPSET, ML_DOMAIN: ML_OPSET}


@pytest.mark.parametrize("treatment", RESAMPLINGS)
@every_family
def test_the_mean_score_is_the_share_of_fraud(algorithm: str, treatment: str) -> None:
    """After every treatment: the calibration brings the natural share back, on rows that were never treated."""
    train, validation = (make_sample(seed=seed, fraud_share=0.02) for seed in (0, 1))
    treated = resample_rows(
        next(known for known in RESAMPLINGS if known == treatment),
        train.matrix,
        train.labels,
        features=train.features,
        seed=0,
        ratio=0.3,
    )
    fitted = fit_small(algorithm, train, treated=treated)
    margin = fitted.margin(validation.matrix)
    if treatment != "none":  # else there is nothing to bring back
        believed = 1 / (1 + np.exp(-margin_log_odds(margin, fitted.margin_kind)))
        assert believed.mean() > 1.2 * validation.labels.mean()
    calibration = fit_calibration(margin, validation.labels, fitted.margin_kind)
    session = open_session(to_onnx(fitted, calibration, train.features))
    assert 0.9 < session.score(validation.matrix).mean() / validation.labels.mean() < 1.1


@every_family
def test_its_cost_is_measured(algorithm: str) -> None:
    """In microseconds a row: somewhere between nothing and a millisecond, on any machine."""
    session = model(algorithm, mixed=False)[2]
    assert 0 < cost_us(session, sample("test", mixed=False).matrix[: 4 * BATCH]) < 1000


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("algorithm", FAMILIES)
def test_rows_of_one_class_are_refused(algorithm: str, label: int) -> None:
    """In one line, not somewhere inside a library."""
    train = make_sample(200)
    family = FAMILIES[algorithm]
    with pytest.raises(DataError, match=f"200 rows of which {200 * label} are frauds; both classes are needed"):
        family.fit(family.params, train.matrix, np.full(200, label, np.int8), features=train.features, seed=0)

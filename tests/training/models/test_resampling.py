"""Resampling reaches its ratio by adding, dropping or weighting rows, and rejects rows it cannot handle."""

import numpy as np
import pytest

from schemas.errors import DataError
from schemas.manifest import Feature
from tests.training.models.samples import Sample, make_sample
from training.models.fitted import LabelledRows
from training.models.resampling import RESAMPLINGS, Resampling, resample_rows, subsample_negatives

RATIO = 0.25


def resample(resampling: Resampling, sample: Sample, *, seed: int = 0, ratio: float = RATIO) -> LabelledRows:
    """Return the rows of the sample after resampling."""
    return resample_rows(resampling, sample.matrix, sample.labels, features=sample.features, seed=seed, ratio=ratio)


def are_equal(rows: LabelledRows, others: LabelledRows) -> bool:
    """Return True if both have equal rows, labels and weights."""
    return all(
        a is b is None or (a is not None and b is not None and np.array_equal(a, b, equal_nan=True))
        for a, b in zip(rows, others, strict=True)
    )


@pytest.mark.parametrize("resampling", [each for each in RESAMPLINGS if each != "none"])
def test_resampling_reaches_the_ratio(resampling: Resampling) -> None:
    """Resampling reaches the ratio of frauds to legitimate rows, by number or by weight, and keeps dtypes."""
    sample = make_sample(fraud_share=0.02)
    rows = resample(resampling, sample)
    weight = np.ones(len(rows.labels)) if rows.sample_weight is None else rows.sample_weight
    assert weight[rows.labels == 1].sum() / weight[rows.labels == 0].sum() == pytest.approx(RATIO, rel=0.01)
    assert weight.mean() == pytest.approx(1)
    assert (rows.matrix.dtype, rows.labels.dtype) == (sample.matrix.dtype, sample.labels.dtype)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_resampling_is_reproducible_and_does_not_change_its_input(resampling: Resampling) -> None:
    """Resampling is reproducible and does not change its input arrays, which may be views of a whole data set."""
    sample = make_sample(fraud_share=0.02)
    before = sample.matrix.copy()
    assert are_equal(resample(resampling, sample), resample(resampling, sample))
    np.testing.assert_array_equal(sample.matrix, before)
    if resampling in ("smote", "undersampling"):
        assert not are_equal(resample(resampling, sample), resample(resampling, sample, seed=1))


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_rows_with_enough_frauds_are_returned_unchanged(resampling: Resampling) -> None:
    """If there are enough frauds, no row is dropped, added or weighted."""
    sample = make_sample(fraud_share=0.3)
    assert are_equal(resample(resampling, sample), sample.rows)


def test_undersampling_keeps_every_fraud_and_the_order() -> None:
    """Undersampling keeps every fraud, and the rows stay in order of event time."""
    sample = make_sample(fraud_share=0.02, missing=True)
    sample.matrix[:, 0] = np.arange(len(sample.labels))
    rows = resample("undersampling", sample)
    assert np.all(np.diff(rows.matrix[:, 0]) > 0)
    np.testing.assert_array_equal(rows.matrix[rows.labels == 1, 0], np.flatnonzero(sample.labels))


def test_smote_adds_frauds_between_frauds() -> None:
    """With SMOTE, real rows come first, unchanged, and synthetic frauds stay within the range of the real frauds."""
    sample = make_sample(fraud_share=0.02)
    rows = resample("smote", sample)
    real = len(sample.labels)
    np.testing.assert_array_equal(rows.matrix[:real], sample.matrix)
    synthetic, frauds = rows.matrix[real:], sample.matrix[sample.labels == 1]
    assert len(synthetic)
    assert rows.labels[real:].all()
    assert np.all((synthetic >= frauds.min(axis=0)) & (synthetic <= frauds.max(axis=0)))


def test_smote_invents_no_category() -> None:
    """Each synthetic fraud has the category of a real fraud, never a mean of two categories."""
    sample = make_sample(fraud_share=0.02, categories=True)
    rows = resample("smote", sample)
    codes = rows.matrix[len(sample.labels) :, -1]
    assert len(codes)
    assert set(codes) <= set(sample.matrix[sample.labels == 1, -1])


def test_smote_rejects_rows_it_cannot_interpolate() -> None:
    """SMOTE rejects missing values, too few frauds, or only categorical features, with errors that say what to do."""
    with pytest.raises(DataError, match="cannot interpolate missing values, but f0 has some; use the missing-value"):
        resample("smote", make_sample(missing=True), ratio=0.5)
    with pytest.raises(DataError, match=r"at least 6 frauds, but the training rows have only \d; use longer folds"):
        resample("smote", make_sample(500, fraud_share=0.006))
    sample = make_sample(fraud_share=0.02)
    shop = Feature("shop", 0.0, "categorical", ("a", "b"))
    only = Sample((shop,), (sample.matrix[:, :1] > 0).astype(np.float32), sample.labels)
    with pytest.raises(DataError, match="SMOTE needs a numeric feature, but all are categorical"):
        resample("smote", only)


def test_subsampling_keeps_every_fraud_and_a_share_of_the_rest() -> None:
    """Subsampling keeps every fraud and the given share of the other rows, in order; the seed determines the rows."""
    sample = make_sample(seed=1)  # not the seed used below, with which labels and rows would be drawn alike
    sample.matrix[:, 0] = np.arange(len(sample.labels))
    rows = subsample_negatives(sample.matrix, sample.labels, share=0.2, seed=0)
    assert rows.labels.sum() == sample.labels.sum()
    assert np.sum(rows.labels == 0) / np.sum(sample.labels == 0) == pytest.approx(0.2, abs=0.03)
    assert np.all(np.diff(rows.matrix[:, 0]) > 0)
    assert are_equal(rows, subsample_negatives(sample.matrix, sample.labels, share=0.2, seed=0))

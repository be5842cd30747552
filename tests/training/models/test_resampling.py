"""Treatments reach the ratio they aim at, by adding, leaving out or weighing, and refuse what they cannot resample_rows."""

import numpy as np
import pytest

from schemas.errors import DataError
from schemas.manifest import Feature
from tests.training.models.samples import Sample, make_sample
from training.models.fitted import LabelledRows
from training.models.resampling import RESAMPLINGS, Resampling, subsample_negatives, resample_rows

RATIO = 0.25


def treated(treatment: Resampling, sample: Sample, *, seed: int = 0, ratio: float = RATIO) -> LabelledRows:
    """The sample's rows after a treatment."""
    return resample_rows(treatment, sample.matrix, sample.labels, features=sample.features, seed=seed, ratio=ratio)


def same(rows: LabelledRows, others: LabelledRows) -> bool:
    """Whether two are equal in rows, labels and weights."""
    return all(
        a is b is None or (a is not None and b is not None and np.array_equal(a, b, equal_nan=True))
        for a, b in zip(rows, others, strict=True)
    )


@pytest.mark.parametrize("treatment", [treatment for treatment in RESAMPLINGS if treatment != "none"])
def test_every_treatment_reaches_the_ratio(treatment: Resampling) -> None:
    """Frauds to a legitimate row, by weight where there is one; types stay as they are."""
    sample = make_sample(fraud_share=0.02)
    rows = treated(treatment, sample)
    weight = np.ones(len(rows.labels)) if rows.sample_weight is None else rows.sample_weight
    assert weight[rows.labels == 1].sum() / weight[rows.labels == 0].sum() == pytest.approx(RATIO, rel=0.01)
    assert weight.mean() == pytest.approx(1)
    assert (rows.matrix.dtype, rows.labels.dtype) == (sample.matrix.dtype, sample.labels.dtype)


@pytest.mark.parametrize("treatment", RESAMPLINGS)
def test_a_treatment_is_the_same_for_a_seed_and_leaves_what_it_is_given(treatment: Resampling) -> None:
    """The arrays handed in may be views of a whole data set."""
    sample = make_sample(fraud_share=0.02)
    before = sample.matrix.copy()
    assert same(treated(treatment, sample), treated(treatment, sample))
    np.testing.assert_array_equal(sample.matrix, before)
    if treatment in ("smote", "undersampling"):
        assert not same(treated(treatment, sample), treated(treatment, sample, seed=1))


@pytest.mark.parametrize("treatment", RESAMPLINGS)
def test_rows_with_frauds_enough_stay_as_they_are(treatment: Resampling) -> None:
    """Nothing is left out, made up or weighed down."""
    sample = make_sample(fraud_share=0.3)
    assert same(treated(treatment, sample), sample.rows)


def test_undersampling_keeps_every_fraud_and_the_order() -> None:
    """Order of event time, which the rows came in."""
    sample = make_sample(fraud_share=0.02, missing=True)
    sample.matrix[:, 0] = np.arange(len(sample.labels))
    rows = treated("undersampling", sample)
    assert np.all(np.diff(rows.matrix[:, 0]) > 0)
    np.testing.assert_array_equal(rows.matrix[rows.labels == 1, 0], np.flatnonzero(sample.labels))


def test_smote_adds_frauds_between_frauds() -> None:
    """The real rows come first, untouched; made-up ones stay within the frauds' range."""
    sample = make_sample(fraud_share=0.02)
    rows = treated("smote", sample)
    real = len(sample.labels)
    np.testing.assert_array_equal(rows.matrix[:real], sample.matrix)
    made_up, frauds = rows.matrix[real:], sample.matrix[sample.labels == 1]
    assert len(made_up)
    assert rows.labels[real:].all()
    assert np.all((made_up >= frauds.min(axis=0)) & (made_up <= frauds.max(axis=0)))


def test_smote_invents_no_category() -> None:
    """Half a category is none: each made-up fraud has a category of a real one."""
    sample = make_sample(fraud_share=0.02, categories=True)
    rows = treated("smote", sample)
    codes = rows.matrix[len(sample.labels) :, -1]
    assert len(codes)
    assert set(codes) <= set(sample.matrix[sample.labels == 1, -1])


def test_smote_refuses_what_it_cannot_interpolate() -> None:
    """Missing values, too few frauds, nothing but categories; each with the mend."""
    with pytest.raises(DataError, match="cannot interpolate missing values, and f0 has some; take the missing-value"):
        treated("smote", make_sample(missing=True), ratio=0.5)
    with pytest.raises(DataError, match=r"at least 6 frauds and the training rows have \d; take longer folds"):
        treated("smote", make_sample(500, fraud_share=0.006))
    sample = make_sample(fraud_share=0.02)
    shop = Feature("shop", 0.0, "categorical", ("a", "b"))
    only = Sample((shop,), (sample.matrix[:, :1] > 0).astype(np.float32), sample.labels)
    with pytest.raises(DataError, match="at least one numeric feature and all are categorical"):
        treated("smote", only)


def test_subsampling_keeps_every_fraud_and_a_share_of_the_rest() -> None:
    """In order, and the same for a seed."""
    sample = make_sample(seed=1)  # with the seed below, the draws of labels and rows would be the same
    sample.matrix[:, 0] = np.arange(len(sample.labels))
    rows = subsample_negatives(sample.matrix, sample.labels, share=0.2, seed=0)
    assert rows.labels.sum() == sample.labels.sum()
    assert np.sum(rows.labels == 0) / np.sum(sample.labels == 0) == pytest.approx(0.2, abs=0.03)
    assert np.all(np.diff(rows.matrix[:, 0]) > 0)
    assert same(rows, subsample_negatives(sample.matrix, sample.labels, share=0.2, seed=0))

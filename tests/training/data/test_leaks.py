"""The leak alarm: a leak of each kind stops the run, clean data pass, and an accepted leak is recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.metrics import average_precision_score

from schemas.errors import LeakError, QualityError
from tests.training.data.own_data import OWN, make_own
from training.data.dataset import load
from training.data.leaks import LEAKS, Leak, LeakAlarm, LeakName
from training.data.single_feature import separating_precision
from training.data.split import Split, split_by_time, split_stratified

Save = Callable[[pl.DataFrame], Path]


def stopping_leak(name: LeakName, split: Split) -> str:
    """Return the leak that stops the run, after checking that an accepted leak is recorded and does not stop it."""
    with pytest.raises(LeakError, match=f"^{name}: ") as caught:
        LeakAlarm(record=lambda _: None).check_split(split)
    assert "\n" not in str(caught.value)
    assert f"--accept-leak {name}" in str(caught.value)
    recorded: list[Leak] = []
    LeakAlarm(recorded.append, accepted={name}).check_split(split)
    assert [leak.name for leak in recorded] == [name]
    assert recorded[0].details in str(caught.value)
    return recorded[0].details


def test_clean_data_pass(frame: pl.DataFrame, save: Save) -> None:
    """Clean data raise no alarm: synthetic data split either way, and data with ids, strings and missing values."""
    alarm = LeakAlarm(record=lambda leak: pytest.fail(leak.details), accepted=LEAKS)
    data = load(save(frame))
    alarm.check_split(split_by_time(data))
    alarm.check_split(split_stratified(data, seed=0))
    alarm.check_split(split_by_time(load(save(make_own()), OWN)))
    alarm.check_pr_auc(0.97, "validation")


@pytest.mark.parametrize(
    ("sampler", "share", "message"),
    [
        (RandomOverSampler, 1.0, "50% of all rows are frauds"),
        (RandomOverSampler, 0.1, "% of the frauds equal an earlier row in every column, as after oversampling"),
        (SMOTE, 1.0, "50% of all rows are frauds"),
        (SMOTE, 0.1, "the time is an integer in every legitimate row but not in frauds, as after SMOTE"),
        (RandomUnderSampler, 1.0, "50% of all rows are frauds"),
    ],
)
def test_data_resampled_before_the_split(
    frame: pl.DataFrame, save: Save, sampler: Callable[..., Any], share: float, message: str
) -> None:
    """Data that were resampled before the split, to one fraud per legitimate row or one per ten, are a leak."""
    columns = frame.drop("Class").columns
    made, labels = sampler(sampling_strategy=share, random_state=0).fit_resample(
        frame.select(columns).to_numpy(), frame["Class"].to_numpy()
    )
    resampled = pl.DataFrame({**dict(zip(columns, made.T, strict=True)), "Class": labels})
    assert message in stopping_leak("resampled-before-split", split_by_time(load(save(resampled))))


def test_a_row_in_two_parts(frame: pl.DataFrame, save: Save) -> None:
    """A random split made without first dropping repeated rows is detected as a leak."""
    data = load(save(pl.concat([frame, frame.head(50)])))
    order = np.random.default_rng(0).permutation(len(data))
    parts = (data.part(np.sort(rows)) for rows in np.split(order, [2400, 3200]))
    assert "are identical to a row in the" in stopping_leak("row-in-two-parts", Split(*parts))


@pytest.mark.parametrize(
    ("leak", "message"),
    [
        (pl.col("is_fraud") * 10 + pl.col("visits") / 2, "risk alone has average precision 1.000"),
        (-pl.col("is_fraud") * 10.0 + pl.col("visits") / 2, "risk alone"),
        (pl.when(pl.col("is_fraud") == 1).then(None).otherwise(pl.col("visits") * 0.5), "risk alone"),
        (pl.when(pl.col("is_fraud") == 1).then(pl.col("visits") * 0.5), "risk alone has average precision 1.000"),
    ],
    ids=["high", "low", "missing in frauds", "missing elsewhere"],
)
def test_a_number_that_separates_frauds(save: Save, leak: pl.Expr, message: str) -> None:
    """A column is a leak if high, low, missing or present values mark frauds, such as the amount of a chargeback."""
    split = split_by_time(load(save(make_own().with_columns(leak.alias("risk"))), OWN))
    assert message in stopping_leak("feature-too-good", split)


def test_a_category_that_separates_frauds(save: Save) -> None:
    """A category such as a status that was set after the fraud was discovered is a leak."""
    leak = pl.when(pl.col("is_fraud") == 1).then(pl.lit("blocked")).otherwise("channel").alias("channel")
    split = split_by_time(load(save(make_own().with_columns(leak)), OWN))
    assert "channel alone" in stopping_leak("feature-too-good", split)


def test_an_amount_that_separates_frauds(save: Save) -> None:
    """The amount is checked like any other feature."""
    leak = (pl.col("amt") + 1_000_000 * pl.col("is_fraud")).alias("amt")
    frame = make_own().with_columns(leak, pl.lit("EUR").alias("ccy"))
    assert "amt alone" in stopping_leak("feature-too-good", split_by_time(load(save(frame), OWN)))


@pytest.mark.parametrize(
    ("column", "values"),
    [("merchant", lambda n: [f"m{i}" for i in range(n)]), ("visits", lambda n: list(range(n)))],
    ids=["text", "integers"],
)
def test_an_id_as_a_feature(save: Save, column: str, values: Callable[[int], list[object]]) -> None:
    """A feature with a different value in nearly every row is a leak."""
    frame = make_own()
    split = split_by_time(load(save(frame.with_columns(pl.Series(column, values(len(frame))))), OWN))
    assert stopping_leak("id-like", split) == f"{column} has a different value in nearly every row, like an id"


def test_a_pr_auc_that_is_too_good() -> None:
    """A PR-AUC that is too good raises an error that says where it was measured."""
    with pytest.raises(LeakError, match=r"^pr-auc-too-good: PR-AUC is 0\.980 on validation, above 0\.97; "):
        LeakAlarm(record=lambda _: None).check_pr_auc(0.98, "validation")
    recorded: list[Leak] = []
    LeakAlarm(recorded.append, accepted=["pr-auc-too-good"]).check_pr_auc(0.98, "validation")
    assert [leak.name for leak in recorded] == ["pr-auc-too-good"]


def test_accepting_one_leak_accepts_no_other(save: Save) -> None:
    """Accepting a leak by name does not accept any other leak."""
    frame = make_own().with_columns(risk=pl.col("is_fraud") * 2, merchant=pl.col("trans_num"))
    split = split_by_time(load(save(frame), OWN))
    with pytest.raises(LeakError, match=r"^id-like: "):
        LeakAlarm(record=lambda _: None, accepted=["feature-too-good"]).check_split(split)


def test_a_leak_is_a_quality_error() -> None:
    """A leak raises a quality error, which prevents the registration of a version."""
    assert issubclass(LeakError, QualityError)
    assert get_args(LeakName) == LEAKS


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=60),
    st.sampled_from([0.0, 0.3, 0.6, 0.9, 0.95]),
)
def test_no_ranking_above_the_limit_is_skipped(rows: list[tuple[int, bool]], above: float) -> None:
    """A column is skipped without sorting only if its average precision cannot exceed the limit, even with ties."""
    values = np.array([value for value, _ in rows], dtype=np.float64)
    labels = np.array([fraud for _, fraud in rows], dtype=np.int8)
    average_precision = separating_precision(pl.Series("x", values), labels, above)
    if not labels.any():
        assert average_precision is None
        return
    best = [average_precision_score(labels, ranking) for ranking in (values, -values)]
    if average_precision is None:
        assert max(best) <= above + 1e-9
    else:
        assert min(abs(average_precision - each) for each in best) < 1e-9


def test_noise_separates_nothing() -> None:
    """A random category with thousands of levels does not seem to separate frauds by memorising rows."""
    random = np.random.default_rng(0)
    labels = (random.random(5000) < 0.05).astype(np.int8)
    levels = pl.Series("x", [f"l{i}" for i in random.integers(0, 3000, 5000)])
    assert separating_precision(levels, labels, 0.2) is None
    assert separating_precision(pl.Series("y", random.normal(size=5000)), labels, 0.2) is None

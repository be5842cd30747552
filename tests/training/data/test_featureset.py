"""Feature sets are frozen from the training split, and invalid sets are rejected."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.errors import DataError
from schemas.manifest import Feature
from stream.scoring.features import FeaturePlan
from tests.training.data.own_data import OWN, make_own
from training.data.config_files import built_in_config
from training.data.dataset import Dataset, load
from training.data.description import ULB
from training.data.featureset import DEFAULT, FeatureSet, make_features
from training.data.split import split_by_time

Save = Callable[[pl.DataFrame], Path]
DERIVED = built_in_config("features-derived.yaml", FeatureSet)


def own(save: Save, days: float = 12) -> Dataset:
    """Return data like a user's own."""
    return load(save(make_own(days=days)), OWN)


def by_name(features: tuple[Feature, ...]) -> dict[str, Feature]:
    """Return the features by name."""
    return {feature.name: feature for feature in features}


def test_the_default_for_the_ulb_data_is_every_component_and_the_amount(frame: pl.DataFrame, save: Save) -> None:
    """The default features are V1 to V28 and the amount in minor units, with medians from the training split."""
    train = split_by_time(load(save(frame))).train
    features = make_features(DEFAULT, train)
    assert [feature.name for feature in features] == [*ULB.features, "Amount"]
    assert {feature.kind for feature in features[:-1]} == {"numeric"}
    assert features[-1] == Feature("Amount", float(np.median(train.amount_minor)), kind="amount_minor")
    assert features[2].median == pytest.approx(np.median(train.frame["V3"].to_numpy()))


def test_medians_ignore_missing_values(save: Save) -> None:
    """The median of a feature is the median of the values that are not missing."""
    data = own(save)
    expected = np.nanmedian(data.frame["risk"].to_numpy())
    assert by_name(make_features(DEFAULT, data))["risk"].median == pytest.approx(expected)


def test_categories_are_frozen_most_frequent_first(save: Save) -> None:
    """Code 0, which replaces null, is the most frequent category; equally frequent categories are sorted by name."""
    data = own(save)
    channel, merchant = (by_name(make_features(DEFAULT, data))[name] for name in ("channel", "merchant"))
    assert channel == Feature("channel", 0.0, kind="categorical", categories=("shop", "web"))
    counts = dict(data.frame["merchant"].value_counts().iter_rows())
    expected = sorted(counts, key=lambda name: (-counts[name], name))
    assert merchant.categories == tuple(expected[: DEFAULT.max_levels])


def test_levels_beyond_the_most_frequent_are_pooled(save: Save) -> None:
    """Rarer categories count as unknown, like a category that appears only after training."""
    data = own(save)
    features = make_features(FeatureSet(numeric=(), categorical=("merchant",), max_levels=5, derived=()), data)
    assert len(features[0].categories) == 5
    codes = FeaturePlan(features, "median").codes("merchant", data.frame["merchant"].to_list())
    assert set(codes.tolist()) == {0, 1, 2, 3, 4, 5}


def test_features_come_from_the_training_part_only(save: Save) -> None:
    """A category that occurs only in the validation split or the test set is unknown."""
    frame = make_own()
    late = pl.int_range(pl.len()) > 0.9 * len(frame)
    frame = frame.with_columns(pl.when(late).then(pl.lit("phone")).otherwise("channel").alias("channel"))
    split = split_by_time(load(save(frame), OWN))
    features = make_features(DEFAULT, split.train)
    assert by_name(features)["channel"].categories == ("shop", "web")
    matrix = split.test.matrix(FeaturePlan(features, DEFAULT.missing))
    assert matrix[-1, [feature.name for feature in features].index("channel")] == 2


def test_derived_features_follow_their_formulas(save: Save) -> None:
    """Derived features are ln(1 + minor units) and the sine and cosine of the time of day."""
    data = own(save)
    features = make_features(DERIVED, data)
    matrix = data.matrix(FeaturePlan(features, "median")).astype(np.float64)
    at = {feature.name: i for i, feature in enumerate(features)}
    np.testing.assert_allclose(matrix[:, at["log_amount"]], np.log(1 + data.amount_minor), rtol=1e-6)
    angle = math.tau * (data.event_time_ms / 86_400_000 % 1)
    np.testing.assert_allclose(matrix[:, at["hour_sin"]], np.sin(angle), atol=1e-6)
    np.testing.assert_allclose(matrix[:, at["hour_cos"]], np.cos(angle), atol=1e-6)
    for feature in features:
        if feature.kind not in ("categorical", "numeric"):
            assert feature.median == pytest.approx(np.median(matrix[:, at[feature.name]]), abs=1e-5)


@pytest.mark.parametrize(("days", "refused"), [(6.9, True), (7.1, False)])
def test_the_hour_of_day_needs_a_week(save: Save, days: float, refused: bool) -> None:
    """hour_of_day is rejected if the training split covers less than a week."""
    data = own(save, days=days)
    if not refused:
        assert {"hour_sin", "hour_cos"} <= by_name(make_features(DERIVED, data)).keys()
        return
    with pytest.raises(DataError, match=r"at least 7 days; this one covers 6\.9; remove hour_of_day"):
        make_features(DERIVED, data)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (FeatureSet(numeric=("channel",)), "names channel, which the data description does not list as numeric"),
        (FeatureSet(categorical=("gone",)), "names gone, which"),
        (FeatureSet(numeric=(), categorical=(), derived=()), "has no feature"),
        (FeatureSet(derived=("log_amount", "log_amount")), "log_amount twice"),
    ],
)
def test_an_impossible_feature_set_is_refused(save: Save, wanted: FeatureSet, message: str) -> None:
    """An impossible feature set causes an error that names the feature."""
    with pytest.raises(DataError, match=message):
        make_features(wanted, own(save))


@pytest.mark.parametrize("column", ["risk", "channel"])
def test_a_column_without_values_cannot_be_a_feature(save: Save, column: str) -> None:
    """A column without values is rejected, because it has neither a median nor categories."""
    frame = make_own()
    empty = frame.with_columns(pl.lit(None, dtype=frame[column].dtype).alias(column))
    with pytest.raises(DataError, match=f"{column} is missing in every row"):
        make_features(DEFAULT, load(save(empty), OWN))

"""Feature sets, declared in YAML, with medians and categories frozen from the training split."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta, Struct

from schemas.errors import DataError
from schemas.manifest import Feature, MissingPolicy
from schemas.messages import Identifier
from training.data.config_files import built_in_config, read_config
from training.data.dataset import Dataset
from training.data.description import ColumnKind

Derived = Literal["amount_minor", "log_amount", "hour_of_day"]
#: With fewer days, the hour identifies the day, and a model would learn the days instead of the hours.
MIN_DAYS_FOR_HOURS = 7
_DAY_MS = 86_400_000


class FeatureSet(Struct, frozen=True, forbid_unknown_fields=True):
    """The features that a model takes. Raw time is never a feature."""

    numeric: tuple[Identifier, ...] | Literal["all"] = "all"
    categorical: tuple[Identifier, ...] | Literal["all"] = "all"
    #: Number of categories kept for each categorical feature, the most frequent ones; all others count as unknown.
    max_levels: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    derived: tuple[Derived, ...] = ("amount_minor",)
    missing: MissingPolicy = "median"


#: Feature set that consists of every feature column, unchanged, and the amount.
DEFAULT = built_in_config("features-default.yaml", FeatureSet)


def read_feature_set(path: Path) -> FeatureSet:
    """Read a feature set.

    Raises:
        DataError: If the file cannot be read or is not a feature set.
    """
    return read_config(path, FeatureSet)


def make_features(wanted: FeatureSet, train: Dataset) -> tuple[Feature, ...]:
    """Return the features in manifest order (numeric, categorical, derived), frozen from the training split.

    Raises:
        DataError: If the data lack a column of the set, a column has no value in any row, or hour_of_day is in the set
            and the training split covers fewer than `MIN_DAYS_FOR_HOURS` days.
    """
    features = (
        *(_numeric(train.frame[name]) for name in _names(wanted.numeric, "numeric", train)),
        *(
            _categorical(train.frame[name], wanted.max_levels)
            for name in _names(wanted.categorical, "categorical", train)
        ),
        *(feature for each in wanted.derived for feature in _derived(each, train)),
    )
    if not features:
        raise DataError("the feature set has no features; name at least one")
    names = [feature.name for feature in features]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"the feature set has {twice[0]} twice; name it once, or rename the column")
    return features


def _names(wanted: tuple[str, ...] | Literal["all"], kind: ColumnKind, train: Dataset) -> tuple[str, ...]:
    described = tuple(name for name, each in train.description.features.items() if each == kind)
    if wanted == "all":
        return described
    if unknown := [name for name in wanted if name not in described]:
        raise DataError(f"the feature set names {unknown[0]}, which the data description does not list as {kind}")
    return wanted


def _numeric(column: pl.Series) -> Feature:
    median = column.cast(pl.Float64).median()
    if not isinstance(median, float):
        raise _all_missing(column.name)
    return Feature(column.name, median)


def _categorical(column: pl.Series, max_levels: int) -> Feature:
    counted = column.drop_nulls().alias("level").value_counts()
    # Equally frequent categories are sorted by name, so that the same data give the same codes.
    levels = counted.sort(["count", "level"], descending=[True, False])["level"].head(max_levels)
    if levels.is_empty():
        raise _all_missing(column.name)
    return Feature(column.name, 0.0, kind="categorical", categories=tuple(levels.to_list()))


def _derived(which: Derived, train: Dataset) -> tuple[Feature, ...]:
    amount = train.amount_minor
    if which == "amount_minor":
        # The feature is named after its source column, so that the reasons for a score use a name that people know.
        return (Feature(train.description.amount.column, float(np.median(amount)), kind="amount_minor"),)
    if which == "log_amount":
        return (Feature("log_amount", float(np.median(np.log1p(amount))), kind="log_amount"),)
    days = int(train.event_time_ms[-1] - train.event_time_ms[0]) / _DAY_MS
    if days < MIN_DAYS_FOR_HOURS:
        raise DataError(
            f"hour_of_day needs a training split of at least {MIN_DAYS_FOR_HOURS} days; this one covers {days:.1f}; "
            "remove hour_of_day from the feature set"
        )
    angle = 2 * np.pi * (train.event_time_ms % _DAY_MS) / _DAY_MS
    return (
        Feature("hour_sin", float(np.median(np.sin(angle))), kind="hour_sin"),
        Feature("hour_cos", float(np.median(np.cos(angle))), kind="hour_cos"),
    )


def _all_missing(name: str) -> DataError:
    return DataError(f"{name} is missing in every row of the training split; remove it from the feature set")

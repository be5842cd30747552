"""Labelled transactions for a validation: only the columns that the models use."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from stream.models.bundle import LoadedModel
from training.data.dataset import Dataset, load
from training.data.description import ULB, read_description


def read_labelled_rows(data: str, description: Path | None, models: Iterable[LoadedModel]) -> Dataset:
    """Read the features of some models, with the labels.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        models: Models whose features are read, if the description has them.

    Raises:
        DataError: If the file or one of its columns cannot be used.
    """
    described = read_description(description) if description else ULB
    used = {name for model in models for name in (*model.plan.numeric, *model.plan.categorical)}
    features = {name: kind for name, kind in described.features.items() if name in used}
    return load(data, replace(described, features=features))

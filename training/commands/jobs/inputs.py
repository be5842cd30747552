"""Inputs that several jobs share: MLflow, the training data, costs and accepted leaks."""

from pathlib import Path

from schemas.errors import StudyError
from training.commands.options import VAR
from training.data.dataset import Dataset, load
from training.data.description import read_description
from training.data.leaks import LEAKS, LeakName
from training.evaluation.costs import Costs
from training.registry.connection import MlflowConnection, connect
from training.study.plan import unknown_name


def open_mlflow() -> MlflowConnection:
    """Connect to MLflow at MLFLOW_TRACKING_URI, or by default to its SQLite database under var/.

    Raises:
        RegistryError: If MLflow is unavailable.
    """
    return connect(VAR)


def read_data(data: str, description: Path | None) -> Dataset:
    """Read training data.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.

    Raises:
        DataError: If the data cannot be used.
    """
    return load(data, read_description(description) if description else None)


def make_costs(review_cost: int | None) -> Costs:
    """Return the costs by which policies are chosen and evaluated.

    Args:
        review_cost: Cost of one review in minor units; None for the default.
    """
    return Costs() if review_cost is None else Costs(review_cost_minor=review_cost)


def accepted_leaks(names: tuple[str, ...]) -> tuple[LeakName, ...]:
    """Check the names given with --accept-leak and return them in the order of `LEAKS`.

    Raises:
        StudyError: If a name is not one of `LEAKS`.
    """
    if unknown := [name for name in names if name not in LEAKS]:
        raise StudyError(f"--accept-leak: {unknown_name(unknown[0], LEAKS)}")
    return tuple(leak for leak in LEAKS if leak in names)

"""Options and inputs that the commands about studies share."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.errors import StudyError
from training.commands.options import VAR

if TYPE_CHECKING:
    from training.data.dataset import Dataset
    from training.data.leaks import LeakName
    from training.evaluation.costs import Costs
    from training.registry.connection import MlflowConnection

#: Names of the plans in `CONFIGS`.
DEFAULT_PLAN, QUICK_PLAN, SPLIT_PLAN = "study-default.yaml", "study-quick.yaml", "study-stratified.yaml"
#: Database for Optuna's trials, and lock file that allows only one study at a time.
TRIALS, STUDY_LOCK = VAR / "study-trials.db", VAR / "study.lock"
CONFIGS = Path(__file__).parents[1] / "configs"

name_option = click.option("--study", "name", help="Name of the study.  [default: the newest study]")
accept_option = click.option(
    "--accept-leak",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="Accept the leak NAME: if the leak alarm finds this leak, record it and continue. May be repeated.",
)
alerts_option = click.option(
    "--alerts-per-day",
    type=click.IntRange(min=1),
    help="Number of alerts that analysts can review in a day; the deployed policy raises as many as this "
    "limit allows.  [default: the policy with the lowest expected cost]",
)
review_cost_option = click.option(
    "--review-cost", type=click.IntRange(min=1), help="Cost of one review in minor units.  [default: 500]"
)


def open_mlflow() -> "MlflowConnection":
    """Connect to MLflow at MLFLOW_TRACKING_URI, or by default to its SQLite database under var/.

    Raises:
        RegistryError: If MLflow is unavailable.
    """
    from training.registry.connection import connect  # noqa: PLC0415  # MLflow takes seconds to import

    return connect(VAR)


def read_data(data: str, description: Path | None) -> "Dataset":
    """Read training data.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.

    Raises:
        DataError: If the data cannot be used.
    """
    from training.data.dataset import load  # noqa: PLC0415  # polars takes a second to import
    from training.data.description import read_description  # noqa: PLC0415

    return load(data, read_description(description) if description else None)


def make_costs(review_cost: int | None) -> "Costs":
    """Return the costs by which policies are chosen and evaluated.

    Args:
        review_cost: Cost of one review in minor units; None for the default.
    """
    from training.evaluation.costs import Costs  # noqa: PLC0415  # imports scikit-learn

    return Costs() if review_cost is None else Costs(review_cost_minor=review_cost)


def accepted_leaks(names: tuple[str, ...]) -> "tuple[LeakName, ...]":
    """Check the names given with --accept-leak and return them in the order of `LEAKS`.

    Raises:
        StudyError: If a name is not one of `LEAKS`.
    """
    from training.data.leaks import LEAKS  # noqa: PLC0415  # imports scikit-learn
    from training.study.plan import unknown_name  # noqa: PLC0415

    if unknown := [name for name in names if name not in LEAKS]:
        raise StudyError(f"--accept-leak: {unknown_name(unknown[0], LEAKS)}")
    return tuple(leak for leak in LEAKS if leak in names)

"""What the study's commands share: their options, and how they get at MLflow."""

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

#: Beside the study of the same name: studies of these names must not mix.
DEFAULT_PLAN, QUICK_PLAN, SPLIT_PLAN = "study-default.yaml", "study-quick.yaml", "study-stratified.yaml"
#: Optuna's trials; and what one study at a time holds.
TRIALS, LOCK = VAR / "study-trials.db", VAR / "study.lock"
CONFIGS = Path(__file__).parents[1] / "configs"

name_option = click.option("--study", "name", help="Name of the study.  [default: the one that began last]")
accept_option = click.option(
    "--accept-leak", "accepted", multiple=True, metavar="NAME", help="Go on when the leak alarm names this; recorded."
)
review_cost_option = click.option(
    "--review-cost", type=click.IntRange(min=1), help="Of one review, in minor units.  [default: 500]"
)


def open_mlflow() -> "MlflowConnection":
    """Open MLflow: the one MLFLOW_TRACKING_URI names, else SQLite under var/.

    Raises:
        RegistryError: If it can't be opened.
    """
    from training.registry.connection import connect  # noqa: PLC0415  # MLflow takes seconds to import

    return connect(VAR)


def read_data(data: str, description: Path | None) -> "Dataset":
    """Read training data.

    Raises:
        DataError: If they can't be used.
    """
    from training.data.dataset import load  # noqa: PLC0415  # likewise polars
    from training.data.description import read_description  # noqa: PLC0415

    return load(data, read_description(description) if description else None)


def costs(review_cost: int | None) -> "Costs":
    """Return the costs that policies are chosen and judged by."""
    from training.evaluation.costs import Costs  # noqa: PLC0415  # likewise scikit-learn behind it

    return Costs() if review_cost is None else Costs(review_cost_minor=review_cost)


def known_leaks(names: tuple[str, ...]) -> "tuple[LeakName, ...]":
    """Return names of leaks as the alarm takes them.

    Raises:
        StudyError: If it knows no such leak.
    """
    from training.data.leaks import LEAKS  # noqa: PLC0415  # likewise
    from training.study.plan import no_such  # noqa: PLC0415

    if unknown := [name for name in names if name not in LEAKS]:
        raise StudyError(f"--accept-leak: {no_such(unknown[0], LEAKS)}")
    return tuple(leak for leak in LEAKS if leak in names)

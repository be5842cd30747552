"""The recipe of a model, stored with its run: everything needed to fit the same kind of model on other rows."""

from typing import Any

import msgspec
from msgspec import Struct

from schemas.errors import StudyError
from training.data.leaks import LeakName
from training.models.resampling import Resampling
from training.registry.runs import MlflowRuns
from training.study.runs import StudyRuns

#: Tag that contains the recipe of a run's model. The run of a study's entry has the entry's record instead.
RECIPE = "recipe"


class Recipe(Struct, frozen=True):
    """Family, hyperparameters and treatment of a model.

    Attributes:
        family: Model family.
        params: All hyperparameters of the family; for a stack, they list its members.
        seed: Seed of subsampling, treatment and model.
        treatment: Treatment of class imbalance.
        legitimate_share: Share of the legitimate rows to fit on, in (0, 1].
        alerts_per_day: Daily alert budget of the deployed policy; None for the policy with the lowest expected cost.
        accepted: Names of the leaks that were accepted.
    """

    family: str
    params: dict[str, Any]
    seed: int
    treatment: Resampling = "none"
    legitimate_share: float = 1.0
    alerts_per_day: int | None = None
    accepted: tuple[LeakName, ...] = ()


def encode_recipe(recipe: Recipe) -> str:
    """Encode a recipe as JSON."""
    return msgspec.json.encode(recipe).decode()


def recipe_of(run_id: str, runs: MlflowRuns, studies: StudyRuns) -> Recipe:
    """Return the recipe of a run's model.

    Args:
        run_id: Id of a run from the baseline, retraining, or an entry of a study.
        runs: Access to the runs in MLflow.
        studies: Access to the studies in MLflow.

    Raises:
        StudyError: If the run has no recorded recipe.
        RegistryError: If there is no such run, or MLflow is unavailable or rejects the request.
    """
    tags = runs.get(run_id).tags
    try:
        if RECIPE in tags:
            return msgspec.json.decode(tags[RECIPE], type=Recipe)
        if (origin := studies.origin(run_id)) is not None:
            study, record = origin
            accepted = msgspec.convert(list(study.accepted), tuple[LeakName, ...])
            return Recipe(
                record.family,
                record.params,
                studies.plan(study).seeds[0],
                record.treatment,
                record.legitimate_share,
                alerts_per_day=study.alerts_per_day,
                accepted=accepted,
            )
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise StudyError(
            f"run {run_id} has no readable recipe ({error}); train and promote a model that has one: fraud-train study"
        ) from error
    raise StudyError(f"run {run_id} has no recorded recipe; train and promote a model that has one: fraud-train study")

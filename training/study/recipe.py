"""How a model was made, as it is kept with its run: what it takes to make one like it on other rows."""

from typing import Any

import msgspec
from msgspec import Struct

from schemas.errors import StudyError
from training.data.leaks import LeakName
from training.models.resampling import Resampling
from training.registry.runs import MlflowRuns
from training.study.runs import StudyRuns

#: Tag of a run. An entry of a study has its record instead.
RECIPE = "recipe"


class Recipe(Struct, frozen=True):
    """Family, treatment and hyperparameters."""

    family: str
    #: All of them, as the family was fitted with; a stack's name its members.
    params: dict[str, Any]
    #: Of subsampling, treatment and model.
    seed: int
    treatment: Resampling = "none"
    #: Of the legitimate rows that are fitted on, in (0, 1].
    legitimate_share: float = 1.0
    #: Daily budget of alerts for the deployed policy; None: the least expected cost.
    alerts_per_day: int | None = None
    #: Leaks that somebody accepted.
    accepted: tuple[LeakName, ...] = ()


def encode_recipe(recipe: Recipe) -> str:
    """Write a recipe as JSON."""
    return msgspec.json.encode(recipe).decode()


def recipe_of(run_id: str, runs: MlflowRuns, studies: StudyRuns) -> Recipe:
    """Return how a run's model was made.

    Raises:
        StudyError: If the run does not say.
        RegistryError: If there is no such run, or MLflow is away or refuses.
    """
    tags = runs.get(run_id).tags
    try:
        if RECIPE in tags:
            return msgspec.json.decode(tags[RECIPE], type=Recipe)
        if (origin := studies.origin(run_id)) is not None:
            study, record = origin
            seed = int(study.facts["seeds"].partition(",")[0])
            accepted = msgspec.convert(list(study.accepted), tuple[LeakName, ...])
            return Recipe(
                record.family,
                record.params,
                seed,
                record.treatment,
                record.legitimate_share,
                alerts_per_day=study.alerts_per_day,
                accepted=accepted,
            )
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise StudyError(
            f"run {run_id} tells not how its model was made ({error}); train one: fraud-train study"
        ) from error
    raise StudyError(f"run {run_id} does not say how its model was made; train and promote one: fraud-train study")

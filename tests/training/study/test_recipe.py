"""A model's run has a recipe, from which the same kind of model can be fitted again."""

import pytest

from schemas.errors import StudyError
from tests.training.study.conftest import FinishedStudy
from tests.training.trained import Trained
from training.models.families import CHAMPION, SEED, TREES
from training.registry.runs import MlflowRuns
from training.study.recipe import RECIPE, Recipe, recipe_of
from training.study.runs import StudyRuns


def test_the_recipe_of_an_entry_comes_from_its_record(finished_study: FinishedStudy) -> None:
    """The recipe has the first seed in the study's plan, with which the chosen entry was fitted."""
    record = finished_study.outcome.chosen
    recipe = recipe_of(
        finished_study.outcome.run_id, MlflowRuns(finished_study.workspace.connection), finished_study.workspace.runs
    )
    assert recipe == Recipe(record.family, record.params, 0, record.treatment, record.legitimate_share)


def test_the_recipe_of_a_baseline_model_comes_from_a_tag(trained: Trained) -> None:
    """The recipe of a baseline model contains its family, hyperparameters and number of trees."""
    connection = trained.experiment.connection
    recipe = recipe_of(trained.models[0].run_id, MlflowRuns(connection), StudyRuns(connection))
    assert recipe == Recipe(CHAMPION.algorithm, CHAMPION.params | {"trees": TREES}, SEED)


@pytest.mark.parametrize("tags", [{}, {RECIPE: "{}"}, {RECIPE: "rubbish"}])
def test_a_run_without_a_readable_recipe_is_an_error(finished_study: FinishedStudy, tags: dict[str, str]) -> None:
    """A run without a readable recipe causes an error that says what to do."""
    client = finished_study.workspace.connection.client
    run = client.create_run(client.create_experiment(f"other {len(tags)}{tags.get(RECIPE)}"), tags=tags)
    with pytest.raises(StudyError, match=r"has no (readable|recorded) recipe.*fraud-train study"):
        recipe_of(run.info.run_id, MlflowRuns(finished_study.workspace.connection), finished_study.workspace.runs)

"""How a model was made is told by its run: enough to make one like it."""

import pytest

from schemas.errors import StudyError
from tests.training.conftest import Trained
from tests.training.study.conftest import Done
from training.models.families import CHAMPION, SEED, TREES
from training.registry.runs import Runs
from training.study.recipe import RECIPE, Recipe, recipe_of
from training.study.runs import StudyRuns


def test_a_study_s_entry_tells_by_its_record(done: Done) -> None:
    """With the seed that the chosen entry is fitted with."""
    record = done.outcome.chosen
    found = recipe_of(done.outcome.run_id, Runs(done.place.connection), done.place.runs)
    assert found == Recipe(record.family, record.params, 0, record.treatment, record.legitimate_share)


def test_the_baseline_s_models_tell_by_a_tag(trained: Trained) -> None:
    """Family, parameters, trees."""
    connection = trained.tracker.connection
    found = recipe_of(trained.models[0].run_id, Runs(connection), StudyRuns(connection))
    assert found == Recipe(CHAMPION.algorithm, CHAMPION.params | {"trees": TREES}, SEED)


@pytest.mark.parametrize("tags", [{}, {RECIPE: "{}"}, {RECIPE: "rubbish"}])
def test_a_run_that_does_not_tell_is_one_line(done: Done, tags: dict[str, str]) -> None:
    """And says what to do."""
    client = done.place.connection.client
    run = client.create_run(client.create_experiment(f"other {len(tags)}{tags.get(RECIPE)}"), tags=tags)
    with pytest.raises(StudyError, match=r"how its model was made.*fraud-train study"):
        recipe_of(run.info.run_id, Runs(done.place.connection), done.place.runs)

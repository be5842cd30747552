"""Study plans: the entries they run, and a one-line error for each invalid field."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import StudyError
from tests.training.study.conftest import PLAN, make_plan
from training.models.resampling import RESAMPLINGS
from training.study.plan import ALL_FAMILIES, entries, load_plan

CONFIGS = Path(__file__).parents[3] / "training" / "configs"


def write(tmp_path: Path, **changes: Any) -> Path:
    """Write the small plan, with the given changes, to a file."""
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN | changes))
    return path


def test_the_default_plan_tries_everything_at_least_twice() -> None:
    """The plan has at least 24 entries and searches the hyperparameters of the boosters and the net."""
    plan = load_plan(CONFIGS / "study-default.yaml")
    assert len(entries(plan)) >= 24
    tries = Counter(name for entry in entries(plan) for name in (entry.family, entry.treatment))
    assert all(tries[name] >= 2 for name in (*ALL_FAMILIES, *RESAMPLINGS))
    searched = {entry.family for entry in entries(plan) if entry.trials}
    assert searched == {"xgboost", "lightgbm", "net"}


def test_the_quick_plan_tries_every_family_and_treatment() -> None:
    """The plan is small but contains every family and every treatment."""
    planned = entries(load_plan(CONFIGS / "study-quick.yaml"))
    assert {entry.family for entry in planned} == set(ALL_FAMILIES)
    assert {entry.treatment for entry in planned} == set(RESAMPLINGS)


def test_stacks_run_last_in_any_order_of_the_plan() -> None:
    """Stacks run last, because they need the results of the entries that they combine."""
    stack, *others = reversed(PLAN["families"])
    planned = entries(make_plan(families=[stack, *others]))
    assert [entry.family == "stack" for entry in planned] == [False] * (len(planned) - 1) + [True]


def test_the_hash_of_a_plan_ignores_comments_and_the_order_of_keys(tmp_path: Path) -> None:
    """The hash decides whether a study can be resumed, so it depends on what is run, not on how the plan is written."""
    path = write(tmp_path)
    path.write_text("# a comment\n" + yaml.safe_dump(dict(reversed(PLAN.items())), sort_keys=False))
    assert load_plan(path).sha256 == make_plan().sha256
    assert make_plan(folds=4).sha256 != make_plan().sha256


def families(**changes: Any) -> dict[str, Any]:
    """Return the changes that reduce the plan to one family, with the given fields changed."""
    return {"families": [{"family": "xgboost", "treatments": ["none"]} | changes]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (families(family="xgbost"), r"families\[0\]: family: there is no 'xgbost'; did you mean xgboost\?"),
        (families(family="svm"), r"families\[0\]: family: there is no 'svm'; choose one of logistic-regression, "),
        (families(treatments=["smoet"]), r"families\[0\].treatments\[0\]: there is no 'smoet'; did you mean smote\?"),
        (families(treatments=["none", "none"]), r"families\[0\]: treatments: none is listed twice"),
        (families(trials=-1), r"families\[0\].trials: Expected `int` >= 0"),
        (families(legitimate_share=0), r"families\[0\].legitimate_share: Expected `float` > 0"),
        (families(trails=3), r"families\[0\]: there is no field trails; see training/configs/study-default.yaml"),
        (families(family="stack", trials=3), r"families\[0\]: trials: a stack has no hyperparameters to search"),
        ({"families": PLAN["families"] * 2}, "families: logistic-regression is listed twice"),
        ({"families": []}, "families: Expected `array` of length >= 1"),
        ({"stack_members": 5}, "stack_members: a stack combines 5 other families, but the plan has only 3"),
        ({"folds": 1}, "folds: Expected `int` >= 2"),
        ({"seeds": [1, 1]}, "seeds: 1 is listed twice"),
        ({"name": "../x"}, "name: Expected `str` matching regex"),
    ],
)
def test_an_invalid_plan_is_an_error_that_names_the_field(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    """An invalid plan causes a one-line error that names the file and the field and says what to do."""
    with pytest.raises(StudyError, match=rf"plan.yaml: {expected}") as raised:
        load_plan(write(tmp_path, **changes))
    assert "\n" not in str(raised.value)


def test_a_missing_or_malformed_plan_is_a_one_line_error(tmp_path: Path) -> None:
    """A missing or malformed plan causes a one-line error; the YAML library's own error is cut to its first line."""
    with pytest.raises(StudyError, match=r"cannot read the plan .*gone.yaml .* give another file with --plan"):
        load_plan(tmp_path / "gone.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1")
    with pytest.raises(StudyError, match=r"broken.yaml is not valid YAML") as raised:
        load_plan(broken)
    assert "\n" not in str(raised.value)

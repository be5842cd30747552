"""Study plans: what they run, and one clear line for what they can't."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import StudyError
from tests.training.study.conftest import PLAN, make_plan
from training.models.resampling import RESAMPLINGS
from training.study.plan import KNOWN, entries, load_plan, tried_too_rarely

CONFIGS = Path(__file__).parents[3] / "training" / "configs"


def write(tmp_path: Path, **changes: Any) -> Path:
    """Write the small plan with changes."""
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN | changes))
    return path


def test_the_default_plan_tries_everything_at_least_twice() -> None:
    """At least 24 entries, every family and every treatment among them; the boosters and the net are searched."""
    plan = load_plan(CONFIGS / "study-default.yaml")
    assert len(entries(plan)) >= 24
    assert tried_too_rarely(plan) == ()
    searched = {entry.family for entry in entries(plan) if entry.trials}
    assert searched == {"xgboost", "lightgbm", "net"}


def test_the_quick_plan_knows_every_family_and_treatment() -> None:
    """It is small, not narrow."""
    planned = entries(load_plan(CONFIGS / "study-quick.yaml"))
    assert {entry.family for entry in planned} == set(KNOWN)
    assert {entry.treatment for entry in planned} == set(RESAMPLINGS)


def test_stacks_run_last_wherever_they_stand() -> None:
    """They are made of what came before."""
    stack, *others = reversed(PLAN["families"])
    planned = entries(make_plan(families=[stack, *others]))
    assert [entry.family == "stack" for entry in planned] == [False] * (len(planned) - 1) + [True]


def test_a_plan_is_the_same_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    """Its hash decides whether a study may go on, so it stands for what runs, not for how it is written."""
    path = write(tmp_path)
    path.write_text("# a comment\n" + yaml.safe_dump(dict(reversed(PLAN.items())), sort_keys=False))
    assert load_plan(path).sha256 == make_plan().sha256
    assert make_plan(folds=4).sha256 != make_plan().sha256


def families(**changes: Any) -> dict[str, Any]:
    """One family with changes, in a plan."""
    return {"families": [{"family": "xgboost", "treatments": ["none"]} | changes]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (families(family="xgbost"), r"families\[0\]: family: there is no 'xgbost', did you mean xgboost\?"),
        (families(family="svm"), r"families\[0\]: family: there is no 'svm', but logistic-regression, "),
        (families(treatments=["smoet"]), r"families\[0\].treatments\[0\]: there is no 'smoet', did you mean smote\?"),
        (families(treatments=["none", "none"]), r"families\[0\]: treatments: none stands there twice"),
        (families(trials=-1), r"families\[0\].trials: Expected `int` >= 0"),
        (families(legitimate_share=0), r"families\[0\].legitimate_share: Expected `float` > 0"),
        (families(trails=3), r"families\[0\]: there is no field trails; see training/configs/study-default.yaml"),
        (families(family="stack", trials=3), r"families\[0\]: trials: a stack has nothing to search"),
        ({"families": PLAN["families"] * 2}, "families: logistic-regression stands there twice"),
        ({"families": []}, "families: Expected `array` of length >= 1"),
        ({"stack_members": 5}, "stack_members: 5 families besides the stack are needed, 3 are named"),
        ({"folds": 1}, "folds: Expected `int` >= 2"),
        ({"seeds": [1, 1]}, "seeds: 1 stands there twice"),
        ({"name": "../x"}, "name: Expected `str` matching regex"),
    ],
)
def test_what_a_plan_can_not_say_is_named_by_field(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """One line: the file, the field, and the mend."""
    with pytest.raises(StudyError, match=rf"plan.yaml: {said}") as raised:
        load_plan(write(tmp_path, **changes))
    assert "\n" not in str(raised.value)


def test_a_plan_that_is_not_there_or_no_yaml_is_one_line(tmp_path: Path) -> None:
    """No traceback of the YAML library."""
    with pytest.raises(StudyError, match=r"gone.yaml cannot be read .* name a plan with --plan"):
        load_plan(tmp_path / "gone.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1")
    with pytest.raises(StudyError, match=r"broken.yaml is no YAML") as raised:
        load_plan(broken)
    assert "\n" not in str(raised.value)

"""What a study runs, read from a YAML file: families and treatments, folds, trials, seeds, legitimate rows kept."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta, Struct

from schemas.errors import StudyError
from schemas.validation_error import problem_and_path
from training.models.families import FAMILIES
from training.models.resampling import RESAMPLINGS, Resampling
from training.models.stack import ALGORITHM as STACK

#: All families that a plan may name.
KNOWN = (*FAMILIES, STACK)
#: A choice between families or treatments that were each tried once says nothing about them.
LEAST_TRIES = 2


class PlannedFamily(Struct, frozen=True, forbid_unknown_fields=True):
    """One family with the treatments it is tried with."""

    family: str
    treatments: Annotated[tuple[Resampling, ...], Meta(min_length=1)]
    #: Of the Optuna search; 0 is one run with the family's own parameters.
    trials: Annotated[int, Meta(ge=0, le=1000)] = 0
    #: Of the legitimate rows that are fitted on, in (0, 1]; frauds are always all kept. For slow families.
    legitimate_share: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        """Refuse unknown families, and trials where nothing can be searched.

        Raises:
            ValueError: Which msgspec turns into its own error, with the place.
        """
        if self.family not in KNOWN:
            raise ValueError(f"family: {no_such(self.family, KNOWN)}")
        if self.trials and self.family == STACK:
            raise ValueError(f"trials: a {STACK} has nothing to search; leave it out")
        if repeated := _first_repeated(self.treatments):
            raise ValueError(f"treatments: {repeated} stands there twice; name it once")


class StudyPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole study; see `training/configs/study-default.yaml`."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    families: Annotated[tuple[PlannedFamily, ...], Meta(min_length=1)]
    #: Rolling-origin folds inside the training part.
    folds: Annotated[int, Meta(ge=2, le=20)] = 4
    #: Of the models: each entry is scored with all of them, a search uses the first.
    seeds: Annotated[tuple[Annotated[int, Meta(ge=0, lt=2**31)], ...], Meta(min_length=1)] = (0,)
    #: How many of the best families the stack is made of.
    stack_members: Annotated[int, Meta(ge=2, le=6)] = 3
    #: Alerts that analysts can review in a day. The chosen model's deployed policy reviews as many as this allows; None:
    #: it has the least expected cost.
    alerts_per_day: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be run or would be run twice.

        Raises:
            ValueError: Which msgspec turns into its own error, with the place.
        """
        names = [planned.family for planned in self.families]
        if repeated := _first_repeated(names):
            raise ValueError(f"families: {repeated} stands there twice; put its treatments into one place")
        if repeated_seed := _first_repeated(map(str, self.seeds)):
            raise ValueError(f"seeds: {repeated_seed} stands there twice; name it once")
        if STACK in names and len(names) <= self.stack_members:
            raise ValueError(
                f"stack_members: {self.stack_members} families besides the stack are needed, "
                f"{len(names) - 1} are named; name more, or lower it"
            )

    @property
    def sha256(self) -> str:
        """Identifies the plan: the same for files that differ in comments or order of keys only."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One row of the leaderboard: a family with a treatment."""

    family: str
    treatment: Resampling
    trials: int
    legitimate_share: float

    @property
    def key(self) -> str:
        """Its name within the study.

        >>> Entry("xgboost", "smote", 10, 1.0).key
        'xgboost/smote'
        """
        return f"{self.family}/{self.treatment}"


def entries(plan: StudyPlan) -> tuple[Entry, ...]:
    """Return what the plan runs, in its order, but stacks last: they are made of what came before."""
    planned = sorted(plan.families, key=lambda family: family.family == STACK)
    return tuple(
        Entry(family.family, treatment, family.trials, family.legitimate_share)
        for family in planned
        for treatment in family.treatments
    )


def tried_too_rarely(plan: StudyPlan) -> tuple[str, ...]:
    """Return the families and treatments of the whole catalogue that the plan tries less than `LEAST_TRIES` times."""
    tries = Counter(name for entry in entries(plan) for name in (entry.family, entry.treatment))
    return tuple(name for name in (*KNOWN, *RESAMPLINGS) if tries[name] < LEAST_TRIES)


def load_plan(path: Path) -> StudyPlan:
    """Read a plan.

    Raises:
        StudyError: If the file can't be read, or a field can't be used: it is named, with what may stand there.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read ({_first_line(error)}); name a plan with --plan") from error
    except yaml.YAMLError as error:
        raise StudyError(
            f"{path} is no YAML ({_first_line(error)}); see training/configs/study-default.yaml"
        ) from error
    try:
        return msgspec.convert(raw, StudyPlan)
    except msgspec.ValidationError as error:
        raise StudyError(f"{path}: {_explain(str(error))}") from error


def _explain(text: str) -> str:
    """Turn msgspec's text into ours: the field first, and for a name that is none the one that was meant.

    >>> _explain("Invalid enum value 'smoet' - at `$.families[0].treatments[1]`")
    "families[0].treatments[1]: there is no 'smoet', did you mean smote?"
    """
    problem, place = problem_and_path(text)
    if problem.startswith("Invalid enum value"):
        problem = no_such(problem.removeprefix("Invalid enum value ").strip("'"), RESAMPLINGS)
    elif problem.startswith("Object contains unknown field"):
        field = problem.removeprefix("Object contains unknown field ").strip("`")
        problem = f"there is no field {field}; see training/configs/study-default.yaml"
    return f"{place}: {problem}" if place else problem


def no_such(given: str, known: Sequence[str]) -> str:
    """Say that a name is none of those known, and which was meant.

    >>> no_such("xgbost", ("lightgbm", "xgboost")), no_such("svm", ("lightgbm", "xgboost"))
    ("there is no 'xgbost', did you mean xgboost?", "there is no 'svm', but lightgbm, xgboost")
    """
    close = difflib.get_close_matches(given, known, n=1)
    return f"there is no '{given}', " + (f"did you mean {close[0]}?" if close else f"but {', '.join(known)}")


def _first_repeated(names: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

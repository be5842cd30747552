"""The plan of a study, read from a YAML file: families with their treatments, folds, seeds and trials."""

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
from training.models.families import FAMILIES
from training.models.resampling import RESAMPLINGS, Resampling
from training.models.stack import ALGORITHM as STACK

#: All families that a plan may name.
ALL_FAMILIES = (*FAMILIES, STACK)


class PlannedFamily(Struct, frozen=True, forbid_unknown_fields=True):
    """A model family and the treatments of class imbalance to try with it.

    Attributes:
        family: One of `ALL_FAMILIES`.
        treatments: Treatments to try; each becomes one entry.
        trials: Number of trials in the Optuna search; 0 to score only the family's default hyperparameters.
        legitimate_share: Share of the legitimate rows to fit on, in (0, 1], for slow families. All frauds are kept.
    """

    family: str
    treatments: Annotated[tuple[Resampling, ...], Meta(min_length=1)]
    trials: Annotated[int, Meta(ge=0, le=1000)] = 0
    legitimate_share: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        """Check the family and its treatments.

        Raises:
            ValueError: If the family is unknown, has nothing to search, or repeats a treatment. msgspec adds the
                field's path to the message.
        """
        if self.family not in ALL_FAMILIES:
            raise ValueError(f"family: {unknown_name(self.family, ALL_FAMILIES)}")
        if self.trials and self.family == STACK:
            raise ValueError(f"trials: a {STACK} has no hyperparameters to search; remove the setting trials")
        if repeated := _first_repeated(self.treatments):
            raise ValueError(f"treatments: {repeated} is listed twice; list it once")


class StudyPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """The plan of a study; `training/configs/study-default.yaml` explains each field.

    Attributes:
        name: Name of the study.
        families: Families to try.
        folds: Number of rolling-origin folds inside the training split.
        seeds: Model seeds. Every entry is scored with every seed; a search and the deployed model use the first seed.
        stack_members: Number of families that a stack combines; each is represented by its best entry.
        alerts_per_day: Number of alerts that analysts can review in a day, which the deployed policy uses in full.
            None for the policy with the lowest expected cost.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    families: Annotated[tuple[PlannedFamily, ...], Meta(min_length=1)]
    folds: Annotated[int, Meta(ge=2, le=20)] = 4
    seeds: Annotated[tuple[Annotated[int, Meta(ge=0, lt=2**31)], ...], Meta(min_length=1)] = (0,)
    stack_members: Annotated[int, Meta(ge=2, le=6)] = 3
    alerts_per_day: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        """Check that the plan can be run and lists nothing twice.

        Raises:
            ValueError: If a family or seed is repeated, or a stack has too few families. msgspec adds the field's path
                to the message.
        """
        names = [planned.family for planned in self.families]
        if repeated := _first_repeated(names):
            raise ValueError(f"families: {repeated} is listed twice; list it once, with all its treatments")
        if repeated_seed := _first_repeated(map(str, self.seeds)):
            raise ValueError(f"seeds: {repeated_seed} is listed twice; list it once")
        if STACK in names and len(names) <= self.stack_members:
            raise ValueError(
                f"stack_members: a stack combines {self.stack_members} other families, but the plan has only "
                f"{len(names) - 1}; add families or lower stack_members"
            )

    @property
    def sha256(self) -> str:
        """SHA-256 of the plan's content, independent of comments and key order."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A family with a treatment of class imbalance: one row in the leaderboard.

    Attributes:
        family: Model family.
        treatment: Treatment of class imbalance.
        trials: Number of planned trials; 0 for no search.
        legitimate_share: Share of the legitimate rows to fit on, in (0, 1].
    """

    family: str
    treatment: Resampling
    trials: int
    legitimate_share: float

    @property
    def key(self) -> str:
        """Name of the entry within the study.

        >>> Entry("xgboost", "smote", 10, 1.0).key
        'xgboost/smote'
        """
        return f"{self.family}/{self.treatment}"


def entries(plan: StudyPlan) -> tuple[Entry, ...]:
    """Return the entries in the order of the plan, but stacks last, because they combine the other entries."""
    planned = sorted(plan.families, key=lambda family: family.family == STACK)
    return tuple(
        Entry(family.family, treatment, family.trials, family.legitimate_share)
        for family in planned
        for treatment in family.treatments
    )


def load_plan(path: Path) -> StudyPlan:
    """Read a plan from a YAML file.

    Raises:
        StudyError: If the file cannot be read or a field is invalid; the error names the field.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"cannot read the plan {path} ({_first_line(error)}); give another file with --plan"
        ) from error
    except yaml.YAMLError as error:
        raise StudyError(
            f"{path} is not valid YAML ({_first_line(error)}); see training/configs/study-default.yaml"
        ) from error
    try:
        return msgspec.convert(raw, StudyPlan)
    except msgspec.ValidationError as error:
        raise StudyError(f"{path}: {_explain(str(error))}") from error


def unknown_name(name: str, choices: Sequence[str]) -> str:
    """Return an error message about an unknown name that suggests the closest choice or lists all choices.

    >>> unknown_name("xgbost", ("lightgbm", "xgboost")), unknown_name("svm", ("lightgbm", "xgboost"))
    ("there is no 'xgbost'; did you mean xgboost?", "there is no 'svm'; choose one of lightgbm, xgboost")
    """
    close = difflib.get_close_matches(name, choices, n=1)
    return f"there is no '{name}'; " + (f"did you mean {close[0]}?" if close else f"choose one of {', '.join(choices)}")


def _explain(text: str) -> str:
    """Rewrite msgspec's error message: name the field first, and suggest the closest name for an unknown name.

    >>> _explain("Invalid enum value 'smoet' - at `$.families[0].treatments[1]`")
    "families[0].treatments[1]: there is no 'smoet'; did you mean smote?"
    """
    problem, _, path = text.partition(" - at `")
    path = path.rstrip("`").removeprefix("$").lstrip(".")
    if problem.startswith("Invalid enum value"):
        problem = unknown_name(problem.removeprefix("Invalid enum value ").strip("'"), RESAMPLINGS)
    elif problem.startswith("Object contains unknown field"):
        field = problem.removeprefix("Object contains unknown field ").strip("`")
        problem = f"there is no field {field}; see training/configs/study-default.yaml"
    return f"{path}: {problem}" if path else problem


def _first_repeated(names: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

"""The models in the experiment: a logistic regression, the model that the study chose, and its twin."""

from dataclasses import replace

from benchmarks.experiment.scores import Candidate
from training.commands.options import VAR
from training.models.families import FAMILIES
from training.registry.connection import connect
from training.study.plan import Entry
from training.study.runs import StudyRuns

CHAMPION, CHALLENGER, TWIN = "champion", "challenger", "twin"


def candidates() -> tuple[list[Candidate], dict[str, str]]:
    """Return champion, challenger and the challenger's twin (another seed), and each model's description by name."""
    champion = Candidate(CHAMPION, Entry("logistic-regression", "none", 0, 1.0), FAMILIES["logistic-regression"].params)
    challenger, source = _challenger()
    descriptions = {
        CHAMPION: "logistic regression with default hyperparameters",
        CHALLENGER: f"{challenger.entry.key}, {source}",
        TWIN: "the challenger with another seed",
    }
    return [champion, challenger, replace(challenger, name=TWIN, seed=1)], descriptions


def _challenger() -> tuple[Candidate, str]:
    runs = StudyRuns(connect(VAR))
    study = runs.latest("default")
    if study is None or "chosen" not in study.tags:
        entry = Entry("lightgbm", "class_weights", 0, 1.0)
        return Candidate(
            CHALLENGER, entry, FAMILIES["lightgbm"].params
        ), "with default hyperparameters, because there is no study"
    _, record = runs.finished(study)[study.require_chosen_key()]
    entry = Entry(record.family, record.treatment, 0, record.legitimate_share)
    return Candidate(CHALLENGER, entry, record.params), "chosen by the default study"

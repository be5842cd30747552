"""Who takes part: an ordinary logistic regression decides, the study's best challenges it, and one has a twin."""

from dataclasses import replace

from benchmarks.experiment.scores import Contestant
from training.commands.options import VAR
from training.models.families import FAMILIES
from training.registry.connection import connect
from training.study.plan import Entry
from training.study.runs import StudyRuns

CHAMPION, CHALLENGER, TWIN = "champion", "challenger", "twin"


def contestants() -> tuple[list[Contestant], dict[str, str]]:
    """Return champion, challenger and the challenger's twin of another seed; and each in words."""
    ordinary = Contestant(
        CHAMPION, Entry("logistic-regression", "none", 0, 1.0), FAMILIES["logistic-regression"].params
    )
    best, source = _best()
    words = {
        CHAMPION: "logistic regression, as it comes",
        CHALLENGER: f"{best.entry.key}, {source}",
        TWIN: "the challenger again, with another seed",
    }
    return [ordinary, best, replace(best, name=TWIN, seed=1)], words


def _best() -> tuple[Contestant, str]:
    runs = StudyRuns(connect(VAR))
    study = runs.latest("default")
    if study is None or "chosen" not in study.tags:
        entry = Entry("lightgbm", "class_weights", 0, 1.0)
        return Contestant(CHALLENGER, entry, FAMILIES["lightgbm"].params), "its defaults, for there is no study yet"
    _, record = runs.finished(study)[study.require_chosen()]
    entry = Entry(record.family, record.treatment, 0, record.legitimate_share)
    return Contestant(CHALLENGER, entry, record.params), "as the default study found it"

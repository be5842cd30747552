"""The figures over seeds and the study they belong to, as one Markdown page with the machine that made it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.manifest import Metric
from training.machine import Machine
from training.study.selection import rank
from training.study.leaderboard import LEGEND, cells, marks
from training.study.paired import interval, signed, t_interval
from training.study.quality import SeedFigures
from training.study.entry_record import EntryRecord
from training.study.runs import Study
from training.study.test_evaluation import Look

#: By the name it is shown under.
_SHOWN = {
    "PR-AUC": "pr_auc",
    "ROC-AUC": "roc_auc",
    "F1": "comparison_f1",
    "precision": "comparison_precision",
    "recall": "comparison_recall",
}


@dataclass(frozen=True)
class QualityPage:
    """Everything that is on the page."""

    study: Study
    records: Sequence[EntryRecord]
    look: Look
    splits: Sequence[SeedFigures]
    #: Name of the plan that each split was studied with.
    plan: str
    model_seeds: Sequence[SeedFigures]
    machine: Machine
    #: The command that writes the page.
    command: str

    def markdown(self) -> str:
        """Write it."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "# Quality\n"
        yield f"Written by `{self.command}`; nothing here is typed in.\n"
        machine, facts = self.machine, self.study.facts
        yield f"- machine: {machine.cores} cores of {machine.cpu}, {machine.memory_gib} GiB, Python {machine.python}"
        yield f"- data: SHA-256 `{self.study.tags['data_sha256']}`, {facts['rows']} rows, {facts['frauds']} frauds"
        yield f"- code: `{self.study.tags['git_commit'][:12]}`"
        yield "\n## The study\n"
        yield (
            f"Study `{self.study.name}`: {len(self.records)} runs on {facts['folds']} rolling-origin folds inside the "
            f"first 60 % of the data, in {self.study.minutes:.0f} minutes. {LEGEND}\n"
        )
        yield from _table(
            ("", "family", "treatment", "PR-AUC", "± s.e.", "worst fold", "µs/row", "trials", "legitimate", "s"),
            [cells(record, marks(self.records)) for record in rank(self.records)],
        )
        yield "\n## On the test part, once\n"
        yield (
            "The last 20 % in time. `comparison_` is at the threshold of the largest expected F1 on validation; every "
            f"other figure that needs one is at the deployed policy, the cheapest on validation. {self.look.left_out}\n"
        )
        yield from _look(self.look)
        yield "\n## Time-ordered split, over model seeds\n"
        yield (
            f"`{self.study.tags['chosen']}` with its hyperparameters as the study found them, fitted anew with each "
            "seed; thresholds from validation, the test part looked at once for all.\n"
        )
        yield from _seeds(self.model_seeds)
        yield "\n## Stratified split, over split seeds\n"
        yield (
            "As papers split; exact duplicates dropped before. The future leaks into the past here, so these figures "
            f"only compare with other people's. Each seed is a study of its own with the plan `{self.plan}`: search "
            "and choice on folds inside its training part, thresholds from its validation part, one look at its test "
            "part.\n"
        )
        yield from _seeds(self.splits)
        yield (
            "\nIn brackets: 95 % intervals, by bootstrap over the test part's transactions in a seed's row; in the "
            "last row Student's t over the seeds, which share data and so are closer to each other than to the truth."
        )


def _seeds(measured: Sequence[SeedFigures]) -> Iterator[str]:
    rows = [
        (str(each.seed), each.chosen, *(_short(each.metrics[name]) for name in _SHOWN.values())) for each in measured
    ]
    means = (t_interval(np.array([each.metrics[name].value for each in measured])) for name in _SHOWN.values())
    yield from _table(("seed", "chosen", *_SHOWN), [*rows, ("mean", "", *(f"**{_short(mean)}**" for mean in means))])


def _look(look: Look) -> Iterator[str]:
    head, champion = ["figure", look.selected.name], look.champion
    if champion:
        head += [champion.name, "difference, paired"]
    rows = []
    for name, metric in look.selected.metrics.items():
        row = [name, interval(metric)]
        if champion:
            row.append(interval(champion.metrics[name]) if name in champion.metrics else "-")
            row.append(signed(look.differences[name]) if name in look.differences else "-")
        rows.append(row)
    yield from _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _short(metric: Metric) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"

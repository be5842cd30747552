"""The comparison of a study's entries with each other and with the champion, as an HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.manifest import Metric
from training.pages.elements import Table
from training.pages.render import render_page
from training.study.entry_record import MEMBERS, EntryRecord
from training.study.evaluation_record import FinalEvaluation
from training.study.leaderboard import CHOSEN, LEGEND, cells, evaluation_rows, marks
from training.study.left_out import LeftOut
from training.study.paired import signed
from training.study.plots import cost_plot, fold_plot
from training.study.selection import choose, rank

_COLUMNS = ("", "family", "treatment", "PR-AUC", "± s.e.", "worst fold", "µs/row", "trials", "legitimate", "seconds")


@dataclass(frozen=True)
class StudyComparison:
    """The content of a study's comparison page.

    Attributes:
        study: Name of the study.
        facts: Data, plan and status of the study, by name.
        records: Finished entries.
        left_out: Reasons why entries were not run or not completed, by entry key.
        champion: Description of the champion.
        on_folds: Chosen entry minus champion in PR-AUC; None if they were not scored on the same folds.
        evaluation: Newest evaluation on the test set; None before the first evaluation.
        accepted: Details of the leaks that were found and accepted, by name.
    """

    study: str
    facts: Mapping[str, str]
    records: Sequence[EntryRecord]
    left_out: Mapping[str, LeftOut]
    champion: str
    on_folds: Metric | None
    evaluation: FinalEvaluation | None
    accepted: Mapping[str, str]


def comparison_page(comparison: StudyComparison) -> str:
    """Render the comparison as HTML.

    Raises:
        StudyError: If every entry is too expensive for the stream.
    """
    ranked, marked = rank(comparison.records), marks(comparison.records)
    chosen = choose(comparison.records).key
    return render_page(
        "study.html.j2",
        title=f"Study {comparison.study}",
        lead="",
        sections=(),
        footer="",
        facts=tuple(comparison.facts.items()),
        legend=LEGEND,
        entries=Table(
            _COLUMNS,
            [cells(record, marked) for record in ranked],
            text_columns=3,
            highlighted=[row for row, record in enumerate(ranked) if marked.get(record.key) == CHOSEN],
        ),
        params=[(record.key, _params_text(record)) for record in ranked],
        left_out=comparison.left_out,
        accepted=comparison.accepted,
        fold_plot=fold_plot(comparison.records),
        cost_plot=cost_plot(comparison.records),
        chosen=chosen,
        champion=comparison.champion,
        on_folds=None if comparison.on_folds is None else signed(comparison.on_folds),
        evaluation=None if comparison.evaluation is None else _evaluation(comparison.evaluation),
    )


def _evaluation(evaluation: FinalEvaluation) -> dict[str, object]:
    when = datetime.fromtimestamp(evaluation.evaluated_at_ms / 1000, UTC)
    head, *rows = evaluation_rows(evaluation)
    return {
        "number": evaluation.number,
        "when": f"{when:%Y-%m-%d %H:%M} UTC",
        "selected": evaluation.selected.name,
        "champion": evaluation.champion.name if evaluation.champion else None,
        "left_out": evaluation.left_out,
        "table": Table(head, rows),
    }


def _params_text(record: EntryRecord) -> str:
    if members := record.params.get(MEMBERS):
        return "members " + ", ".join(f"{member['family']}/{member['treatment']}" for member in members)
    return ", ".join(f"{name} {_short(value)}" for name, value in record.params.items())


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""The leaderboard of a study, with metrics on folds inside the training split, and the table of a final evaluation."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from training.study.entry_record import EntryRecord
from training.study.evaluation_record import FinalEvaluation
from training.study.paired import interval, signed
from training.study.selection import MAX_COST_US, choose, is_affordable, rank, ties_with_chosen

#: Marks of the chosen entry, of entries that tie with it, and of entries that are too expensive for the stream.
CHOSEN, TIED, TOO_EXPENSIVE = "★", "=", "✗"
LEGEND = (
    f"{CHOSEN} chosen: the best entry that scores a row in {MAX_COST_US:.0f} µs or less; {TIED} tied with "
    f"the chosen entry: within one standard error of the paired difference; {TOO_EXPENSIVE} too expensive. All metrics "
    "are measured on folds inside the training split."
)


def marks(records: Sequence[EntryRecord]) -> dict[str, str]:
    """Return the marks of the entries that are chosen, tied with the chosen entry or too expensive, by entry key.

    Raises:
        StudyError: If every entry is too expensive.
    """
    chosen = choose(records)
    marked = {}
    for record in records:
        if not is_affordable(record):
            marked[record.key] = TOO_EXPENSIVE
        elif ties_with_chosen(record, chosen):
            marked[record.key] = TIED
    return marked | {chosen.key: CHOSEN}


def leaderboard_table(title: str, records: Sequence[EntryRecord]) -> Table:
    """Return the leaderboard of at least one entry, for a terminal.

    Raises:
        StudyError: If every entry is too expensive.
    """
    board = Table(
        *("", "family", "treatment", "PR-AUC (folds)", "± s.e.", "worst fold", "µs/row", "trials", "legitimate", "s"),
        title=title,
        caption=LEGEND,
    )
    for column in board.columns[3:]:
        column.justify = "right"
    marked = marks(records)
    for record in rank(records):
        board.add_row(*cells(record, marked), style="bold" if marked.get(record.key) == CHOSEN else "")
    return board


def evaluation_table(evaluation: FinalEvaluation) -> Table:
    """Return the table of a final evaluation, for a terminal."""
    head, *rows = evaluation_rows(evaluation)
    title = f"metrics on the test set, evaluation {evaluation.number}"
    board = Table(*head, title=title, caption=evaluation.left_out or None)
    for row in rows:
        board.add_row(*row)
    return board


def evaluation_rows(evaluation: FinalEvaluation) -> list[tuple[str, ...]]:
    """Return the column titles and the rows of a final evaluation: metric, chosen model, champion, difference."""
    champion = evaluation.champion
    if champion is None:
        alone = [(name, interval(metric)) for name, metric in evaluation.selected.metrics.items()]
        return [("metric", evaluation.selected.name), *alone]
    differences = evaluation.differences
    rows = [
        (
            name,
            interval(metric),
            interval(champion.metrics[name]) if name in champion.metrics else "-",
            signed(differences[name]) if name in differences else "-",
        )
        for name, metric in evaluation.selected.metrics.items()
    ]
    return [("metric", evaluation.selected.name, champion.name, "paired difference"), *rows]


def cells(record: EntryRecord, marked: Mapping[str, str]) -> tuple[str, ...]:
    """Return an entry's row in the leaderboard.

    Args:
        record: Record of the entry.
        marked: Marks by key, from `marks`.
    """
    return (
        marked.get(record.key, ""),
        record.family,
        record.treatment,
        f"{record.mean:.4f}",
        f"{record.standard_error:.4f}",
        f"{record.by_fold.min():.4f}",
        f"{record.cost_us:.2f}",
        _trials_text(record),
        f"{record.legitimate_share:.0%}",
        f"{record.seconds:.0f}",
    )


def _trials_text(record: EntryRecord) -> str:
    """Return the number of trials, such as `20 (7 pruned)` or `3, cut short`; a dash if there was no search."""
    if not record.trials:
        return "-"
    text = f"{record.trials} ({record.pruned} pruned)" if record.pruned else str(record.trials)
    return f"{text}, cut short" if record.cut_short else text

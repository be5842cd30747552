"""The leaderboard: a study's entries in order, by figures of folds inside the training part. It has no test figures."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from training.study.selection import MAX_COST_US, choose, is_affordable, is_as_good, rank
from training.study.paired import interval, signed
from training.study.entry_record import EntryRecord
from training.study.test_evaluation import Look

#: Marks of the entry that is chosen, of those that are as good, and of those that the stream can't afford.
CHOSEN, AS_GOOD, TOO_DEAR = "★", "=", "✗"
LEGEND = (
    f"{CHOSEN} chosen: the best of those that score a row in {MAX_COST_US:.0f} µs or less; {AS_GOOD} as good within "
    f"one standard error of the paired difference; {TOO_DEAR} costs more. Figures of folds inside the training part."
)


def marks(records: Sequence[EntryRecord]) -> dict[str, str]:
    """Return the mark of each entry by key; none for those that lost.

    Raises:
        StudyError: If every entry costs too much.
    """
    chosen = choose(records)
    found = {}
    for record in records:
        if not is_affordable(record):
            found[record.key] = TOO_DEAR
        elif is_as_good(record, chosen):
            found[record.key] = AS_GOOD
    return found | {chosen.key: CHOSEN}


def table(title: str, records: Sequence[EntryRecord]) -> Table:
    """Make the terminal's table of at least one entry.

    Raises:
        StudyError: If every entry costs too much.
    """
    board = Table(
        *("", "family", "treatment", "PR-AUC (folds)", "± s.e.", "worst fold", "µs/row", "trials", "legitimate", "s"),
        title=title,
        caption=LEGEND,
    )
    for column in board.columns[3:]:
        column.justify = "right"
    mark = marks(records)
    for record in rank(records):
        board.add_row(*cells(record, mark), style="bold" if mark.get(record.key) == CHOSEN else "")
    return board


def look_table(look: Look) -> Table:
    """Make the terminal's table of one look at the test part."""
    champion = look.champion
    title = f"on the test part, look {look.number}"
    board = Table("figure", look.selected.name, title=title, caption=look.left_out or None)
    if champion:
        board.add_column(champion.name)
        board.add_column("difference, paired")
    for name, metric in look.selected.metrics.items():
        row = [interval(metric)]
        if champion:
            row.append(interval(champion.metrics[name]) if name in champion.metrics else "-")
            row.append(signed(look.differences[name]) if name in look.differences else "-")
        board.add_row(name, *row)
    return board


def cells(record: EntryRecord, mark: Mapping[str, str]) -> tuple[str, ...]:
    """Return an entry's row, here and on the page of `compare`; `mark` is of `marks`."""
    return (
        mark.get(record.key, ""),
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
    """Say how many trials there were: `20 (7 pruned)`, `3, cut short`; a dash where nothing was searched."""
    if not record.trials:
        return "-"
    text = f"{record.trials} ({record.pruned} pruned)" if record.pruned else str(record.trials)
    return f"{text}, cut short" if record.cut_short else text

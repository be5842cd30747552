"""What a reader should know before training, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.eda.columns import ID_LIKE, ColumnFacts
from training.eda.correlations import Correlations
from training.eda.duplicates import Duplicates
from training.eda.groups import DAY_MS
from training.eda.measures import Counts
from training.eda.rows import PARTS

#: PSI above which a column counts as moved, and KS that goes with it; rules of thumb, not tests.
MOVED_PSI = 0.25
#: Frauds in a part below which its figures say little: half the 95 % interval of a recall is then 14 points.
FEW_FRAUDS = 50
#: Days from which on an hour of the day can be learnt.
ENOUGH_DAYS = 7
_MUCH_MISSING = 0.5
#: |Spearman| above which one of two columns adds little.
_SAME = 0.98
#: KS between the classes above which a single column is suspected of telling the label.
TELLS_LABEL = 0.95
#: Columns named in one finding.
_NAMED = 8


@dataclass(frozen=True)
class Finding:
    """One thing to know."""

    #: Whether something is to be done or decided; otherwise it is just so.
    act: bool
    #: One or two sentences, plain text.
    text: str


def find(
    *,
    span_ms: int,
    part_rows: Counts,
    part_frauds: Counts,
    facts: Sequence[ColumnFacts],
    duplicates: Duplicates,
    correlations: Correlations,
) -> list[Finding]:
    """Return what stands out, what asks for a decision first.

    Args:
        span_ms: From the first to the last transaction.
        part_rows: Rows (3,) by part.
        part_frauds: Frauds (3,) by part.
        facts: Of all columns.
        duplicates: Of the rows.
        correlations: Of the numeric columns.
    """
    found = [
        *_of_parts(span_ms, part_rows, part_frauds),
        *_of_columns(facts),
        *_of_duplicates(duplicates),
        *_of_drift(facts),
        *_of_pairs(correlations),
    ]
    return sorted(found, key=lambda finding: not finding.act)


def _of_parts(span_ms: int, rows: Counts, frauds: Counts) -> Iterator[Finding]:
    for name, of, hits in zip(PARTS, rows.tolist(), frauds.tolist(), strict=True):
        if hits in (0, of):
            yield Finding(
                act=True,
                text=f"The {name} part has {hits:,} frauds in {of:,} rows: nothing can be trained or measured on it. "
                "Give data over a longer time.",
            )
        elif hits < FEW_FRAUDS:
            yield Finding(act=True, text=f"The {name} part has only {hits} frauds: expect wide intervals.")
    days = span_ms / DAY_MS
    if days < ENOUGH_DAYS:
        yield Finding(
            act=False,
            text=f"The data cover {days:.1f} days. Below {ENOUGH_DAYS} the hour of the day cannot be told from the day "
            "itself, so it is no feature.",
        )


def _of_columns(facts: Sequence[ColumnFacts]) -> Iterator[Finding]:
    much = [fact for fact in facts if not fact.empty and fact.missing_share > _MUCH_MISSING]
    telling = [fact for fact in facts if (fact.separation or 0) > TELLS_LABEL]
    for chosen, text in (
        ([fact for fact in facts if fact.empty], "No value in any row, to be left out"),
        ([fact for fact in facts if fact.constant], "The same value in all rows that have one, to be left out"),
        (
            [fact for fact in facts if fact.id_like],
            f"Like an id, more than {ID_LIKE:.0%} of the values distinct, to be left out",
        ),
        (telling, "Tells the label almost by itself (known before the label is?)"),
        (much, "Missing in more than half of the rows"),
    ):
        if chosen:
            yield Finding(act=True, text=f"{text}: {_named(chosen)}.")


def _of_duplicates(duplicates: Duplicates) -> Iterator[Finding]:
    if duplicates.repeated_ids:
        yield Finding(act=True, text=f"{duplicates.repeated_ids:,} rows repeat an earlier row's transaction id.")
    if duplicates.contradictory:
        yield Finding(
            act=False,
            text=f"{duplicates.contradictory:,} rows look exactly like a row with the other label: no model can get "
            "both right.",
        )
    if duplicates.alike_across:
        yield Finding(
            act=False,
            text=f"{duplicates.alike_across:,} validation and test rows equal a train row in all but the time.",
        )
    if duplicates.repeats:
        yield Finding(
            act=False,
            text=f"{duplicates.repeats:,} rows repeat an earlier row in every column, {duplicates.repeated_frauds:,} "
            "of them frauds. They must go before any random split.",
        )


def _of_drift(facts: Sequence[ColumnFacts]) -> Iterator[Finding]:
    for index, name in enumerate(PARTS[1:]):
        moved = [fact for fact in facts if (fact.psi[index] or 0) > MOVED_PSI]
        if moved:
            moved.sort(key=lambda fact: -(fact.psi[index] or 0))
            yield Finding(act=False, text=f"Moved from train to {name} (PSI > {MOVED_PSI}): {_named(moved)}.")


def _of_pairs(correlations: Correlations) -> Iterator[Finding]:
    same = [pair for pair in correlations.strongest_pairs() if abs(pair[2]) > _SAME]
    if same:
        pairs = "; ".join(f"{a} and {b}" for a, b, _ in same[:_NAMED])
        yield Finding(act=False, text=f"Nearly the same order of rows, so one of each two adds little: {pairs}.")


def _named(facts: Sequence[ColumnFacts]) -> str:
    names = ", ".join(fact.name for fact in facts[:_NAMED])
    more = len(facts) - _NAMED
    return f"{names} and {more} more" if more > 0 else names

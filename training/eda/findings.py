"""The findings of the data report, as sentences: problems to solve before training, and facts worth knowing."""

from collections.abc import Iterator, Sequence

from training.eda.columns import ID_LIKE, ColumnFacts
from training.eda.correlations import Correlations
from training.eda.duplicates import Duplicates
from training.eda.groups import DAY_MS
from training.eda.measures import Counts
from training.eda.rows import PARTS
from training.pages.elements import Finding

#: PSI above which a column counts as drifted: a rule of thumb, not a test.
MOVED_PSI = 0.25
#: Number of frauds below which metrics on a split say little: recall is then uncertain by ±14 points (95% interval).
FEW_FRAUDS = 50
#: Smallest number of days from which a model can learn a pattern by hour of the day.
ENOUGH_DAYS = 7
_MUCH_MISSING = 0.5
#: Absolute Spearman correlation above which one column of a pair adds little to the other.
_SAME_ORDER = 0.98
#: KS statistic between the classes above which a single column is suspected of revealing the label.
REVEALS_LABEL = 0.95
#: Number of columns listed in one finding.
_LISTED = 8


def list_findings(
    *,
    span_ms: int,
    part_rows: Counts,
    part_frauds: Counts,
    facts: Sequence[ColumnFacts],
    duplicates: Duplicates,
    correlations: Correlations,
) -> list[Finding]:
    """Return the findings, those that need action first.

    Args:
        span_ms: Time between the first and the last transaction, in milliseconds.
        part_rows: Number of rows in each split (3,).
        part_frauds: Number of frauds in each split (3,).
        facts: Facts about every column.
        duplicates: Counts of duplicated rows.
        correlations: Correlations of the numeric columns.
    """
    findings = [
        *_on_parts(span_ms, part_rows, part_frauds),
        *_on_columns(facts),
        *_on_duplicates(duplicates),
        *_on_drift(facts),
        *_on_pairs(correlations),
    ]
    return sorted(findings, key=lambda finding: not finding.needs_action)


def _on_parts(span_ms: int, rows: Counts, frauds: Counts) -> Iterator[Finding]:
    for name, count, hits in zip(PARTS, rows.tolist(), frauds.tolist(), strict=True):
        if hits in (0, count):
            yield Finding(
                needs_action=True,
                text=f"The {name} data have {hits:,} frauds in {count:,} rows, so nothing can be trained or measured "
                "on them. Provide data that cover a longer time.",
            )
        elif hits < FEW_FRAUDS:
            yield Finding(
                needs_action=True, text=f"The {name} data have only {hits} frauds: expect wide confidence intervals."
            )
    days = span_ms / DAY_MS
    if days < ENOUGH_DAYS:
        yield Finding(
            needs_action=False,
            text=f"The data cover {days:.1f} days. In fewer than {ENOUGH_DAYS} days, the effect of the hour cannot be "
            "separated from that of the day, so do not use the hour of the day as a feature.",
        )


def _on_columns(facts: Sequence[ColumnFacts]) -> Iterator[Finding]:
    mostly_missing = [fact for fact in facts if not fact.empty and fact.missing_share > _MUCH_MISSING]
    revealing = [fact for fact in facts if (fact.separation or 0) > REVEALS_LABEL]
    for affected, text in (
        ([fact for fact in facts if fact.empty], "Leave out columns without any value"),
        ([fact for fact in facts if fact.constant], "Leave out columns with a single value"),
        (
            [fact for fact in facts if fact.id_like],
            f"Leave out columns that look like IDs, because they have more than {ID_LIKE:.0%} distinct values",
        ),
        (revealing, "Check that these columns, which almost reveal the label, are available before the label"),
        (mostly_missing, "More than half of the values are missing in these columns"),
    ):
        if affected:
            yield Finding(needs_action=True, text=f"{text}: {_list(affected)}.")


def _on_duplicates(duplicates: Duplicates) -> Iterator[Finding]:
    if duplicates.repeated_ids:
        yield Finding(
            needs_action=True, text=f"{duplicates.repeated_ids:,} rows have the same transaction id as an earlier row."
        )
    if duplicates.contradictory:
        yield Finding(
            needs_action=False,
            text=f"{duplicates.contradictory:,} rows have the same amount and features as a row with the other label: "
            "no model can classify both correctly.",
        )
    if duplicates.same_values_across:
        yield Finding(
            needs_action=False,
            text=f"{duplicates.same_values_across:,} validation and test rows have the same amount and features as a "
            "training row.",
        )
    if duplicates.repeats:
        yield Finding(
            needs_action=False,
            text=f"{duplicates.repeats:,} rows repeat an earlier row in every column, {duplicates.repeated_frauds:,} "
            "of them frauds. Remove them before any random split.",
        )


def _on_drift(facts: Sequence[ColumnFacts]) -> Iterator[Finding]:
    for index, name in enumerate(PARTS[1:]):
        moved = [fact for fact in facts if (fact.psi[index] or 0) > MOVED_PSI]
        if moved:
            moved.sort(key=lambda fact: -(fact.psi[index] or 0))
            yield Finding(
                needs_action=False,
                text=f"Columns that drifted between the training and {name} data (PSI above {MOVED_PSI}): "
                f"{_list(moved)}.",
            )


def _on_pairs(correlations: Correlations) -> Iterator[Finding]:
    same = [pair for pair in correlations.strongest_pairs() if abs(pair[2]) > _SAME_ORDER]
    if same:
        pairs = "; ".join(f"{a} and {b}" for a, b, _ in same[:_LISTED])
        yield Finding(
            needs_action=False,
            text="These pairs of columns rank the rows almost identically, so one column of each pair adds little: "
            f"{pairs}.",
        )


def _list(facts: Sequence[ColumnFacts]) -> str:
    names = ", ".join(fact.name for fact in facts[:_LISTED])
    more = len(facts) - _LISTED
    return f"{names} and {more} more" if more > 0 else names

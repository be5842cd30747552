"""Selection of the best entry: the highest PR-AUC over folds among those that are cheap enough for the stream."""

from collections.abc import Sequence

from schemas.errors import StudyError
from training.study.entry_record import EntryRecord, standard_error

#: Highest cost of scoring a row, in microseconds, in batches on one core. At this cost, a core scores 10,000
#: transactions per second with a champion and two challengers, so the stream needs no cheaper model.
MAX_COST_US = 30.0


def rank(records: Sequence[EntryRecord]) -> list[EntryRecord]:
    """Sort entries by mean PR-AUC over folds, best first; entries with equal means are sorted by name."""
    return sorted(records, key=lambda record: (-record.mean, record.key))


def choose(records: Sequence[EntryRecord]) -> EntryRecord:
    """Return the best entry that costs `MAX_COST_US` or less.

    Raises:
        StudyError: If every entry costs more.
    """
    affordable = [record for record in records if is_affordable(record)]
    if not affordable:
        raise StudyError(
            f"no entry scores a row in {MAX_COST_US:.0f} µs or less; add a cheaper family to the plan "
            "(logistic-regression is the cheapest)"
        )
    return rank(affordable)[0]


def is_affordable(record: EntryRecord) -> bool:
    """Return whether an entry is cheap enough for the stream."""
    return record.cost_us <= MAX_COST_US


def ties_with_chosen(record: EntryRecord, chosen: EntryRecord) -> bool:
    """Return whether an entry is worse than the chosen one by at most one standard error.

    The standard error is that of the *paired* differences by fold: all entries are scored on the same folds, so the
    difficulty of a fold must not count as uncertainty between them. The rule is that of L. Breiman et al.,
    "Classification and Regression Trees", 1984, §3.4.3.
    """
    loss = chosen.by_fold - record.by_fold
    return bool(loss.mean() <= standard_error(loss))

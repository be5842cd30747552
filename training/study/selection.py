"""Which entry is the best: the highest PR-AUC over folds among those that the stream can afford."""

from collections.abc import Sequence

from schemas.errors import StudyError
from training.study.entry_record import EntryRecord, standard_error

#: Microseconds a row, in batches on one core. A champion and two challengers at this cost still let one core score
#: 10,000 transactions a second; below it a cheaper model saves the stream nothing that it needs.
MAX_COST_US = 30.0


def rank(records: Sequence[EntryRecord]) -> list[EntryRecord]:
    """Sort by mean PR-AUC over folds, best first; by name where even that is equal."""
    return sorted(records, key=lambda record: (-record.mean, record.key))


def choose(records: Sequence[EntryRecord]) -> EntryRecord:
    """Return the best entry that costs `MAX_COST_US` or less.

    Raises:
        StudyError: If there is none.
    """
    affordable = [record for record in records if is_affordable(record)]
    if not affordable:
        raise StudyError(
            f"no entry scores a row in {MAX_COST_US:.0f} µs or less; name a cheaper family in the plan, "
            "logistic-regression is the cheapest"
        )
    return rank(affordable)[0]


def is_affordable(record: EntryRecord) -> bool:
    """Say whether the stream can afford an entry."""
    return record.cost_us <= MAX_COST_US


def is_as_good(record: EntryRecord, as_chosen: EntryRecord) -> bool:
    """Say whether the mean loss to the chosen entry is within one standard error.

    Of the *paired* differences by fold: all entries are scored on the same folds, and how hard a fold is must not count
    as doubt between them (the rule's error: L. Breiman et al., "Classification and Regression Trees", 1984, §3.4.3).
    """
    loss = as_chosen.by_fold - record.by_fold
    return bool(loss.mean() <= standard_error(loss))

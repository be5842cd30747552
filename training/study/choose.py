"""Which entry is the best: by PR-AUC over folds, and among equals the cheapest."""

from collections.abc import Sequence

from training.study.record import EntryRecord, standard_error


def rank(records: Sequence[EntryRecord]) -> list[EntryRecord]:
    """Sort by mean PR-AUC over folds, best first; by name where even that is equal."""
    return sorted(records, key=lambda record: (-record.mean, record.key))


def ties(records: Sequence[EntryRecord]) -> list[EntryRecord]:
    """Return the entries that are as good as the best, the best among them, in order of rank.

    An entry ties when its mean loss to the best is within one standard error (L. Breiman et al., "Classification and
    Regression Trees", 1984, §3.4.3), here of the *paired* differences by fold: all entries are scored on the same
    folds, and how hard a fold is must not count as doubt between them.
    """
    best, *others = rank(records)
    tied = [best]
    for other in others:
        loss = best.by_fold - other.by_fold
        if loss.mean() <= standard_error(loss):
            tied.append(other)
    return tied


def choose(records: Sequence[EntryRecord]) -> EntryRecord:
    """Return the cheapest of the tied entries."""
    return min(ties(records), key=lambda record: record.cost_us)

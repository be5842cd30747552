"""The best entry of a study: how entries are ranked, chosen and compared."""

import pytest

from schemas.errors import StudyError
from tests.training.study.records import make_record
from training.study.entry_record import EntryRecord, decode_record, encode_record
from training.study.paired import paired_difference
from training.study.selection import MAX_COST_US, choose, rank, ties_with_chosen


def test_the_highest_mean_over_folds_and_seeds_comes_first() -> None:
    """Equal entries are sorted by name, so that ranks do not depend on which entry finishes first."""
    low, high = make_record(0.5, 0.6, family="lightgbm"), make_record(0.7, 0.8, family="stack")
    twin = make_record(0.7, 0.8, family="net")
    assert rank([low, high, twin]) == [twin, high, low]


def test_the_best_entry_that_is_cheap_enough_is_chosen() -> None:
    """Cost does not matter up to the limit; entries above the limit are never chosen."""
    expensive = make_record(0.9, 0.9, family="stack", cost_us=MAX_COST_US + 0.1)
    best = make_record(0.8, 0.8, family="lightgbm", cost_us=MAX_COST_US)
    cheap = make_record(0.79, 0.79, cost_us=1)
    assert choose([cheap, expensive, best]) == best


def test_nothing_is_chosen_if_all_entries_are_too_expensive() -> None:
    """If all entries are too expensive, the error says what to add to the plan."""
    with pytest.raises(StudyError, match="30 µs or less; add a cheaper family"):
        choose([make_record(0.9, 0.9, cost_us=31)])


def test_an_entry_that_wins_one_fold_and_loses_another_ties() -> None:
    """An entry whose mean loss is within one standard error ties with the chosen entry."""
    chosen = make_record(0.70, 0.81, 0.60, family="stack")
    assert ties_with_chosen(make_record(0.71, 0.79, 0.60), chosen)


def test_the_difficulty_of_folds_does_not_count_as_uncertainty() -> None:
    """A lead of 0.02 on every fold counts although folds differ by 0.3, because differences are paired."""
    chosen = make_record(0.52, 0.72, 0.821)
    other = make_record(0.50, 0.70, 0.80, family="logistic-regression")
    assert chosen.standard_error > 0.05
    assert not ties_with_chosen(other, chosen)


def test_a_single_entry_is_chosen() -> None:
    """A study with a single entry chooses that entry."""
    only = make_record(0.5, 0.6)
    assert choose([only]) == only


def test_figures_are_means_over_seeds_by_fold() -> None:
    """The standard error is over folds: seeds on the same fold are not independent."""
    record = EntryRecord("xgboost", "none", 1.0, {}, ((0.5, 0.7), (0.7, 0.9)), 1.0, 1.0, 10)
    assert record.by_fold == pytest.approx([0.6, 0.8])
    assert record.mean == pytest.approx(0.7)
    assert record.standard_error == pytest.approx(0.1)


def test_a_paired_difference_has_the_interval_of_students_t() -> None:
    """Differences 0.01 and 0.03 have mean 0.02 and standard error 0.01; t(0.975, 1) = 12.706."""
    difference = paired_difference(make_record(0.51, 0.73), make_record(0.50, 0.70))
    assert difference.value == pytest.approx(0.02)
    assert difference.high - difference.value == pytest.approx(0.12706, rel=1e-3)


def test_records_survive_encoding() -> None:
    """Encoding keeps every field of a record, so that a study can resume from stored records."""
    record = make_record(0.1 + 0.2, 1 / 3, treatment="smote")
    assert decode_record(encode_record(record)) == record

"""Which entry is the best."""

import pytest

from schemas.errors import StudyError
from tests.training.study.records import make_record
from training.study.choose import MAX_COST_US, choose, is_as_good, rank
from training.study.paired import paired_difference
from training.study.record import EntryRecord, decode_record, encode_record


def test_the_highest_mean_over_folds_and_seeds_leads() -> None:
    """Equal ones stand in order of name, so a rank never depends on who finished first."""
    low, high = make_record(0.5, 0.6, family="lightgbm"), make_record(0.7, 0.8, family="stack")
    twin = make_record(0.7, 0.8, family="net")
    assert rank([low, high, twin]) == [twin, high, low]


def test_the_best_is_chosen_of_those_that_the_stream_can_afford() -> None:
    """Up to the bound, cost does not count at all; above it, nothing else does."""
    dear = make_record(0.9, 0.9, family="stack", cost_us=MAX_COST_US + 0.1)
    best = make_record(0.8, 0.8, family="lightgbm", cost_us=MAX_COST_US)
    cheap = make_record(0.79, 0.79, cost_us=1)
    assert choose([cheap, dear, best]) == best


def test_nothing_is_chosen_where_all_are_too_dear() -> None:
    """One line with the mend."""
    with pytest.raises(StudyError, match="30 µs or less; name a cheaper family"):
        choose([make_record(0.9, 0.9, cost_us=31)])


def test_one_fold_won_and_one_lost_is_as_good() -> None:
    """Within the doubt."""
    chosen = make_record(0.70, 0.81, 0.60, family="stack")
    assert is_as_good(make_record(0.71, 0.79, 0.60), chosen)


def test_how_hard_a_fold_is_is_no_doubt_between_entries() -> None:
    """A lead of 0.02 on every fold counts, though each entry's folds lie 0.3 apart: the differences are paired."""
    chosen = make_record(0.52, 0.72, 0.821)
    other = make_record(0.50, 0.70, 0.80, family="logistic-regression")
    assert chosen.standard_error > 0.05
    assert not is_as_good(other, chosen)


def test_one_entry_is_chosen_for_want_of_another() -> None:
    """A study of one."""
    only = make_record(0.5, 0.6)
    assert choose([only]) == only


def test_figures_are_means_over_seeds_by_fold() -> None:
    """Standard errors are over folds, not over seeds times folds, which are no independent trials."""
    record = EntryRecord("xgboost", "none", 1.0, {}, ((0.5, 0.7), (0.7, 0.9)), 1.0, 1.0, 10)
    assert record.by_fold == pytest.approx([0.6, 0.8])
    assert record.mean == pytest.approx(0.7)
    assert record.standard_error == pytest.approx(0.1)


def test_a_paired_difference_holds_its_interval() -> None:
    """Student's t by hand: differences 0.01, 0.03, mean 0.02, standard error 0.01, t(0.975, 1) = 12.706."""
    difference = paired_difference(make_record(0.51, 0.73), make_record(0.50, 0.70))
    assert difference.value == pytest.approx(0.02)
    assert difference.high - difference.value == pytest.approx(0.12706, rel=1e-3)


def test_records_come_back_as_they_were() -> None:
    """What a study resumes from."""
    record = make_record(0.1 + 0.2, 1 / 3, treatment="smote")
    assert decode_record(encode_record(record)) == record

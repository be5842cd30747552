"""Slices: equal models pass at the stated level, one bad slice is found, and small slices are listed as not tested."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.stats import binom

from schemas.messages import Policy
from tests.training.validation.conftest import LoadFrame
from training.validation.alerts import ComparedAlerts, most_urgent
from training.validation.check import CheckResult
from training.validation.paired_rates import Flags, compare_errors
from training.validation.slices import DecidedRows, check_slices
from training.validation.slicing import TransactionSlice, cut_slices
from training.validation.thresholds import DEFAULT

LIMITS = DEFAULT.slices
SLICES = 8


def check(
    fraud: Flags, champion: Flags, candidate: Flags, cards: NDArray[np.int64] | None = None, slices: int = SLICES
) -> CheckResult:
    """Compare alerts on transactions that are dealt out to slices in turn."""
    rows = len(fraud)
    numbers = np.arange(rows)
    alerts = ComparedAlerts(champion, candidate, float(champion.mean()), float(candidate.mean()))
    cut = [TransactionSlice("all", "all transactions", np.ones(rows, dtype=np.bool_))]
    cut += [TransactionSlice("channel", str(n), numbers % slices == n) for n in range(slices)]
    return check_slices(DecidedRows(fraud, alerts, numbers if cards is None else cards), cut, LIMITS)


def decide(random: np.random.Generator, fraud: Flags) -> Flags:
    """Return alerts of a model that catches 80% of frauds and alerts 2% of legitimate transactions."""
    alerted: Flags = random.random(len(fraud)) < np.where(fraud, 0.8, 0.02)
    return alerted


def test_equally_good_models_seldom_fail() -> None:
    """With 9 slices and two metrics each, at most one in twenty comparisons of equally good models fails.

    The limits on the size of a difference are left out, so that this tests the level of the tests alone.
    """
    failed = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        fraud = random.random(8000) < 0.05
        rows = DecidedRows(
            fraud, ComparedAlerts(decide(random, fraud), decide(random, fraud), 0.0, 0.0), np.arange(len(fraud))
        )
        masks = [np.arange(len(fraud)) % SLICES == n for n in range(SLICES)]
        cut = [TransactionSlice("all", "all transactions", np.ones(len(fraud), dtype=np.bool_))]
        cut += [TransactionSlice("channel", str(n), mask) for n, mask in enumerate(masks)]
        strict = replace(LIMITS, max_recall_loss=0.0, max_false_positive_rise=0.0)
        failed += check_slices(rows, cut, strict).outcome == "failed"
    assert failed <= binom.ppf(0.999, 200, 0.05)
    assert failed > 0, "a level of 5% that never fails is not exact"


def test_one_bad_slice_is_found() -> None:
    """A candidate that misses the frauds of one slice fails, and the reason names the slice and no other."""
    random = np.random.default_rng(0)
    fraud = random.random(8000) < 0.05
    champion = decide(random, fraud)
    candidate = champion & (np.arange(len(fraud)) % SLICES != 3)
    result = check(fraud, champion, candidate)
    assert result.outcome == "failed"
    assert "recall in slice “channel: 3” is 0.00%, the champion's is " in result.text
    assert "channel: 4" not in result.text
    assert result.table is not None
    assert sum(row[2] == "worse" for row in result.table.rows) == 2  # the slice, and with it all transactions


def test_more_false_positives_in_one_slice_are_found() -> None:
    """A candidate that alerts more legitimate transactions of one slice fails, although all its recalls are better."""
    random = np.random.default_rng(0)
    fraud = random.random(40_000) < 0.01
    champion = decide(random, fraud)
    candidate = champion | ((np.arange(len(fraud)) % SLICES == 5) & (random.random(len(fraud)) < 0.05))
    result = check(fraud, champion, candidate)
    assert result.outcome == "failed"
    assert "false-positive rate in slice “channel: 5”" in result.text


def test_a_significant_but_small_difference_passes() -> None:
    """With many transactions, a difference below the limit is significant but does not fail."""
    fraud = np.arange(200_000) < 2000
    champion = fraud & (np.arange(200_000) < 1800)
    candidate = champion & (np.arange(200_000) >= 20)  # misses one in a hundred more
    result = check(fraud, champion, candidate, slices=1)
    assert result.outcome == "passed"
    assert result.table is not None
    recall = next(row for row in result.table.rows if row[1] == "recall")
    assert float(recall[-1]) < 0.001


def test_too_few_frauds_are_listed_as_not_tested() -> None:
    """A slice with nine frauds is not tested for recall, whatever happens in it, and the result says so."""
    fraud = np.zeros(8000, dtype=np.bool_)
    fraud[: 9 * SLICES] = True
    champion = fraud.copy()
    result = check(fraud, champion, champion & (np.arange(8000) % SLICES != 3))
    assert result.figures["not_tested"] == SLICES
    assert result.table is not None
    assert [row[2] for row in result.table.rows if row[1] == "recall"][1:] == ["too few to test"] * SLICES
    # All frauds together are tested, so the missing slice does not go unnoticed.
    assert "recall in slice “all transactions” is 87.50%, the champion's is 100.00%" in result.text


def test_too_few_frauds_at_all_are_not_checked() -> None:
    """With fewer frauds than one slice needs, nothing is claimed."""
    fraud = np.arange(8000) < 9
    result = check(fraud, fraud, fraud)
    assert (result.outcome, result.text) == ("not checked", "8,000 transactions have 9 frauds; 10 are needed")


def test_too_few_frauds_do_not_excuse_false_positives() -> None:
    """False positives need no frauds: a candidate that alerts one legitimate transaction in twenty fails."""
    fraud = np.arange(8000) < 9
    result = check(fraud, fraud, fraud | (np.arange(8000) % 20 == 19))
    assert result.outcome == "failed"
    assert "false-positive rate in slice “all transactions” is 5.01%, the champion's is 0.00%" in result.text
    assert result.table is not None


def test_without_any_test_nothing_is_claimed() -> None:
    """With too few transactions of either kind, no test is made and the table says so."""
    fraud = np.arange(400) < 9
    result = check(fraud, fraud, ~fraud)
    assert (result.outcome, result.figures["tests"]) == ("not checked", 0)


def test_the_frauds_of_one_card_are_one_observation() -> None:
    """Twenty missed frauds on one card are one event that says little; on twenty cards, they are evidence."""
    fraud = np.arange(4000) < 40
    champion, candidate = fraud.copy(), fraud & (np.arange(4000) >= 20)
    cards = np.arange(4000)
    assert check(fraud, champion, candidate, cards, slices=1).outcome == "failed"
    cards[:20] = 0
    assert check(fraud, champion, candidate, cards, slices=1).outcome == "passed"


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_exchanging_the_models_mirrors_the_comparison(errors: list[tuple[bool, bool]]) -> None:
    """The difference changes its sign, worse and better are exchanged, and the interval contains the difference."""
    a, b = (np.array(each, dtype=np.bool_) for each in zip(*errors, strict=True))
    cards = np.arange(len(a))
    one, other = compare_errors(a, b, cards), compare_errors(b, a, cards)
    assert (one.worse, one.better) == (other.better, other.worse)
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert one.difference.low <= one.difference.value <= one.difference.high
    # Exact: the sum of both one-sided probabilities counts the observed outcome twice.
    differ = one.worse + one.better
    assert one.p + other.p == pytest.approx(1 + binom.pmf(one.worse, differ, 0.5) if differ else 2)


def test_slices_are_bands_and_categories(rows: pl.DataFrame, load_frame: LoadFrame) -> None:
    """Every transaction is in one amount band and one category, and missing values are a category."""
    missing = rows.with_columns(channel=pl.when(pl.col("V1") > 1).then(None).otherwise(pl.lit("shop")))
    slices = cut_slices(load_frame(missing), ["channel"], LIMITS)
    assert {each.by for each in slices} == {"all", "amount", "channel"}
    for name in ("amount", "channel"):
        counts = np.sum([each.mask for each in slices if each.by == name], axis=0)
        assert (counts == 1).all()
    titles = [each.title for each in slices]
    assert titles[0] == "all transactions"
    assert {"amount: EUR, 0 to 1,000 minor units", "channel: shop", "channel: no value"} <= set(titles)


def test_rare_categories_are_one_slice(rows: pl.DataFrame, load_frame: LoadFrame) -> None:
    """Of 1,001 categories, only the large one is a slice; the frauds of all others are tested together."""
    number = pl.int_range(pl.len())
    shops = pl.when(number < 10_000).then(pl.lit("large")).otherwise(pl.format("small {}", number % 1000))
    data = load_frame(rows.with_columns(channel=shops))
    named, together = (each for each in cut_slices(data, ["channel"], LIMITS) if each.by == "channel")
    assert (named.name, int(named.mask.sum())) == ("large", 10_000)
    assert together.name == "1000 with fewer than 10 frauds each, together"
    assert int(together.mask.sum()) == 10_000
    assert data.label[together.mask].sum() > LIMITS.min_frauds


def test_many_categories_are_the_most_frequent(rows: pl.DataFrame, load_frame: LoadFrame) -> None:
    """Not more categories than the limit become slices, the most frequent ones first."""
    data = load_frame(rows)
    two = replace(LIMITS, max_categories=2)
    names = [each.name for each in cut_slices(data, ["channel"], two) if each.by == "channel"]
    assert names == ["shop", "web"]


def test_an_equal_number_of_alerts_takes_the_most_urgent() -> None:
    """By expected loss, a large amount is alerted before a higher score; without alerts, none are."""
    scores = np.array([0.9, 0.5, 0.1, 0.1], dtype=np.float32)
    amounts = np.array([100, 1000, 1500, 100])
    by_loss = Policy("1", review=0, decline=0.9, kind="expected_loss", review_cost_minor=500)
    by_score = Policy("1", review=0.7, decline=0.9)
    assert most_urgent(scores, by_loss, amounts, 2).tolist() == [False, True, True, False]
    assert most_urgent(scores, by_score, amounts, 2).tolist() == [True, True, False, False]
    assert not most_urgent(scores, by_score, amounts, 0).any()

"""Check that the candidate is not worse than the champion in any slice of the transactions.

In each slice, both models decide the same transactions (`alerts` says by which policy). Their recall on its frauds and
their false-positive rate on its legitimate transactions are compared by an exact paired test (`paired_rates`). With 20
slices, one would fail by chance at a level of 5%, so the p-values of all tests are corrected together by Holm's
procedure. A slice fails if its corrected p-value is below `alpha` and the difference is larger than the limit.

A slice with too few frauds is not tested for recall, one with too few legitimate transactions not for false positives:
such a test could not find anything, but would cost the others power. The report lists them as not tested. If even all
transactions together have too few frauds, a test on false positives can still fail the check, but nothing can pass it.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.drift.significance import holm
from training.validation.alerts import ComparedAlerts
from training.validation.check import CheckResult, CheckTable, judged
from training.validation.paired_rates import Flags, PairedRate, compare_errors
from training.validation.slicing import ALL, TransactionSlice
from training.validation.thresholds import SliceLimits

_Rate = Literal["recall", "false-positive rate"]
_HEAD = (
    *("slice", "metric", "outcome", "transactions", "champion", "candidate", "difference"),
    *("95% interval", "worse", "better", "p (Holm)"),
)
_TEXT_COLUMNS = 3
_NONE = "-"
#: Number of failed tests that a text lists.
_LISTED = 3


class DecidedRows(NamedTuple):
    """n labelled transactions, and which of them each model alerts."""

    fraud: Flags
    alerts: ComparedAlerts
    #: Number of the card (n,).
    cards: NDArray[np.int64]


class _Test(NamedTuple):
    slice_: TransactionSlice
    rate: _Rate
    #: Number of frauds or of legitimate transactions in the slice.
    rows: int
    #: None if the slice has too few of them.
    errors: PairedRate | None
    #: Holm's p-value; NaN if not tested.
    p: float = math.nan

    @property
    def loss(self) -> float:
        """By how much the candidate's error rate is larger."""
        return self.errors.difference.value if self.errors else 0.0

    def fails(self, limits: SliceLimits) -> bool:
        largest = limits.max_recall_loss if self.rate == "recall" else limits.max_false_positive_rise
        return self.p < limits.alpha and self.loss > largest  # false for NaN


def check_slices(rows: DecidedRows, slices: Sequence[TransactionSlice], limits: SliceLimits) -> CheckResult:
    """Compare both models in every slice.

    Args:
        rows: Transactions that neither model has seen, with the alerts of both.
        slices: Slices of these transactions, with all transactions among them.
        limits: Limits of the check.
    """
    tests = _corrected([test for each in slices for test in _tests(each, rows, limits)])
    tested = [test for test in tests if test.errors is not None]
    failed = sorted((test for test in tested if test.fails(limits)), key=lambda test: test.p)
    left = len(tests) - len(tested)
    text = f"no slice is worse than the champion in {len(tested)} tests on {len(slices)} slices"
    if left:
        text += f"; {left} tests were left out, because the slice has too few transactions"
    figures: dict[str, float] = {
        "tests": len(tested),
        "not_tested": left,
        "failed": len(failed),
        "champion_deployed_alert_rate": rows.alerts.champion_alert_rate,
        "candidate_deployed_alert_rate": rows.alerts.candidate_alert_rate,
    }
    table = CheckTable(_HEAD, tuple(_row(test, limits) for test in tests), _TEXT_COLUMNS)
    problems = [_problem(test) for test in failed[:_LISTED]]
    if len(failed) > _LISTED:
        problems.append(f"{len(failed) - _LISTED} more tests failed")
    overall = next(test for test in tests if test.slice_.by == ALL and test.rate == "recall")
    if overall.errors is None and not problems:
        reason = f"{len(rows.fraud):,} transactions have {overall.rows} frauds; {limits.min_frauds} are needed"
        return CheckResult("slices", "not checked", reason, figures, table)
    return judged("slices", problems, text, figures, table)


def _tests(each: TransactionSlice, rows: DecidedRows, limits: SliceLimits) -> Iterator[_Test]:
    frauds, legitimate = each.mask & rows.fraud, each.mask & ~rows.fraud
    champion, candidate = rows.alerts.champion, rows.alerts.candidate
    missed = (~champion[frauds], ~candidate[frauds], rows.cards[frauds])
    alerted = (champion[legitimate], candidate[legitimate], rows.cards[legitimate])
    yield _test(each, "recall", missed, limits.min_frauds)
    yield _test(each, "false-positive rate", alerted, limits.min_legitimate)


def _test(each: TransactionSlice, rate: _Rate, errors: tuple[Flags, Flags, NDArray[np.int64]], least: int) -> _Test:
    count = len(errors[0])
    return _Test(each, rate, count, compare_errors(*errors) if count >= least else None)


def _corrected(tests: list[_Test]) -> list[_Test]:
    p = holm(np.array([test.errors.p if test.errors else math.nan for test in tests]))
    return [test._replace(p=float(each)) for test, each in zip(tests, p, strict=True)]


def _rates(test: _Test, errors: PairedRate) -> tuple[float, float]:
    """Return the metric of the champion and of the candidate."""
    if test.rate == "recall":
        return 1 - errors.champion, 1 - errors.candidate
    return errors.champion, errors.candidate


def _problem(test: _Test) -> str:
    assert test.errors is not None  # noqa: S101 - for the type checker: only tests that were made fail
    champion, candidate = _rates(test, test.errors)
    rates = f"is {candidate:.2%}, the champion's is {champion:.2%}"
    return f"{test.rate} in slice “{test.slice_.title}” {rates} (p {test.p:.2g})"


def _row(test: _Test, limits: SliceLimits) -> tuple[str, ...]:
    name, errors = test.slice_.title, test.errors
    if errors is None:
        return (name, test.rate, "too few to test", f"{test.rows:,}", *(_NONE,) * (len(_HEAD) - 4))
    champion, candidate = _rates(test, errors)
    sign = -1 if test.rate == "recall" else 1
    ends = sorted((sign * errors.difference.low, sign * errors.difference.high))
    interval = f"{ends[0]:+.3%} to {ends[1]:+.3%}"
    # If the models decide all transactions alike, the interval has no width, which would claim certainty.
    shown = (f"{sign * errors.difference.value:+.3%}", interval) if errors.worse + errors.better else (_NONE, _NONE)
    return (
        *(name, test.rate, "worse" if test.fails(limits) else "not worse", f"{errors.rows:,}"),
        *(f"{champion:.3%}", f"{candidate:.3%}", *shown, str(errors.worse), str(errors.better), f"{test.p:.2g}"),
    )

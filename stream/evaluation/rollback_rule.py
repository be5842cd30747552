"""The rollback rule: decides whether a promoted champion has left the bounds set by a reference period.

The error probability alpha covers the whole monitored time. Each statistic is evaluated in windows of 1, 2, 4, …
blocks: a severe fault shows in one block, a small fault only over many. Half of alpha goes to each of two sources of
error, and is split evenly over the statistics (Bonferroni):

- The reference's own sampling error. Let p be the highest true alert rate at any time of the cycle. Some window of the
  reference had this true rate. Its observed rate is assumed not to be unusually low for p, which gives an upper bound
  on p (`bounds.upper_bound`). The lowest alert rate and the highest shares of problems and of slow parts (a batch is
  scored in parts) are bounded in the same way.
- The sampling error of each later window. The window's true rate is at most p, so an observed rate that has a
  probability of at most δ under p is a breach (`bounds.significantly_above`). The monitored windows share this half of
  alpha equally, which gives δ.

Scores: let the limit be the largest Kolmogorov-Smirnov distance between the histogram of a reference window and the
pooled histogram. A later window may exceed this limit by its own ε plus the ε of the reference window at the same time
of the cycle (`bounds.dkw_epsilon`), because sup│F̂ - R│ ≤ sup│F̂ - F│ + sup│F - F̂_ref│ + sup│F̂_ref - R│.

The rule assumes that transactions at the same time of the cycle are independent draws, that the reference covers the
cycle, and that nothing outside the cycle happens while the champion is monitored.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.evaluation.blocks import (
    ALERTS,
    FIRST_BIN,
    PARTS,
    PROBLEMS,
    SLOW,
    TRANSACTIONS,
    BlockRows,
    sliding_sums,
    tumbling_sums,
)
from stream.evaluation.bounds import critical_rate, dkw_epsilon, lower_bound, significantly_above, upper_bound

#: Smallest number of windows in the reference: a window is at most a quarter of it, so that a reference of a whole
#: number of cycles, or of a cycle and a third, contains a window for each time of the cycle.
_WINDOWS = 4
#: The tested statistics. `alert_multiple` compares the alert rate with the previous champion's.
STATISTICS = ("alert_rate_high", "alert_rate_low", "alert_multiple", "scores", "slow", "problems")


@dataclass(frozen=True, slots=True)
class RollbackLimits:
    """Parameters of the rollback rule; `stream.settings.RollbackSettings` explains each of them."""

    block_transactions: int
    min_blocks: int
    monitored_blocks: int
    alpha: float
    alert_multiple: float
    slow_ms: int


@dataclass(frozen=True, slots=True)
class Breach:
    """A statistic that left its bounds."""

    statistic: str
    #: Share of transactions; for "slow", share of the parts in which batches are scored; for "scores", KS distance.
    value: float
    #: Bound that the value crossed: downwards for alert_rate_low, upwards for every other statistic.
    bound: float
    #: Number of transactions in the window.
    transactions: int
    #: Number of blocks from the promotion to the end of the window.
    blocks: int


@dataclass(frozen=True, slots=True)
class _WindowTest:
    """A test of one statistic in n windows: shares against a probability, or KS distances against a limit."""

    statistic: str
    #: (n,) shares or distances.
    values: NDArray[np.float64]
    #: (n,) trials of each share, or draws of each histogram.
    trials: NDArray[np.int64]
    limit: float

    def exceeds(self, neg_log_alpha: float) -> NDArray[np.bool_]:
        """Return (n,) whether each value crosses its bound; by chance, this has a probability of at most alpha."""
        if self.statistic == "scores":
            exceeded: NDArray[np.bool_] = self.values > self.limit + dkw_epsilon(neg_log_alpha, self.trials)
            return exceeded
        if self.statistic == "alert_rate_low":
            return significantly_above(1 - self.values, self.trials, 1 - self.limit, neg_log_alpha)
        return significantly_above(self.values, self.trials, self.limit, neg_log_alpha)

    def bound(self, index: int, neg_log_alpha: float) -> float:
        """Return the bound on the value in one window."""
        trials = self.trials[index]
        if self.statistic == "scores":
            return self.limit + float(dkw_epsilon(neg_log_alpha, trials))
        if self.statistic == "alert_rate_low":
            return 1 - critical_rate(1 - self.limit, trials, neg_log_alpha)
        return critical_rate(self.limit, trials, neg_log_alpha)


class RollbackRule:
    """The rollback rule, with bounds derived from a reference period.

    Args:
        reference: (m, WIDTH) blocks from the reference period, at least one.
        previous: (k, WIDTH) blocks from the previous champion's term; ignored if there are too few.
        limits: Parameters of the rollback rule.
    """

    def __init__(self, reference: BlockRows, previous: BlockRows, limits: RollbackLimits) -> None:
        self._monitored_blocks = limits.monitored_blocks
        largest = max(min(len(reference) // _WINDOWS, limits.monitored_blocks), 1)
        sizes = [2**power for power in range(largest.bit_length())]
        tests = sum(limits.monitored_blocks // size for size in sizes) * len(STATISTICS)
        self._neg_log_alpha = math.log(2 * tests / limits.alpha)
        reference_neg_log_alpha = math.log(2 * len(sizes) * len(STATISTICS) / limits.alpha)
        self._pooled = _distribution(reference.sum(axis=0, keepdims=True))
        self._limits = {size: self._learn(sliding_sums(reference, size), reference_neg_log_alpha) for size in sizes}
        for size in sizes:
            if len(previous) >= max(limits.min_blocks, _WINDOWS * size):
                rate, trials = _share(sliding_sums(previous, size), ALERTS, TRANSACTIONS)
                multiple = limits.alert_multiple * upper_bound(rate.max(), trials.min(), reference_neg_log_alpha)
                self._limits[size]["alert_multiple"] = min(multiple, 1.0)

    def first_breach(self, live: BlockRows) -> Breach | None:
        """Return the first breach in the (n, WIDTH) blocks since the promotion; None if there is none."""
        live = live[: self._monitored_blocks]
        breaches = []
        for size, limits in self._limits.items():
            windows = tumbling_sums(live, size)
            for test in self._tests(windows, limits):
                crossed = np.flatnonzero(test.exceeds(self._neg_log_alpha))
                if len(crossed):
                    index = int(crossed[0])
                    value, bound = float(test.values[index]), test.bound(index, self._neg_log_alpha)
                    transactions = int(windows[index, TRANSACTIONS])
                    breaches.append(Breach(test.statistic, value, bound, transactions, (index + 1) * size))
        return min(breaches, key=lambda breach: breach.blocks, default=None)

    def readings(self, live: BlockRows) -> dict[str, tuple[float, float]]:
        """Return each statistic's value and bound in the newest block of `live`, which must not be empty."""
        tests = self._tests(live[-1:], self._limits[1])
        return {test.statistic: (float(test.values[0]), test.bound(0, self._neg_log_alpha)) for test in tests}

    def _learn(self, windows: BlockRows, neg_log_alpha: float) -> dict[str, float]:
        """Return, by statistic, the worst probability or distance in the cycle that is compatible with the windows.

        If the windows have different numbers of trials, the smallest number is used, as it gives the widest bound.
        """
        alerts, trials = _share(windows, ALERTS, TRANSACTIONS)
        slow, parts = _share(windows, SLOW, PARTS)
        problems, _ = _share(windows, PROBLEMS, TRANSACTIONS)
        distances, draws = self._distances(windows)
        # Any of the reference windows may be at the same time of the cycle as a later window.
        epsilon = dkw_epsilon(neg_log_alpha + math.log(len(windows)), draws)
        return {
            "alert_rate_high": upper_bound(alerts.max(), trials.min(), neg_log_alpha),
            "alert_rate_low": lower_bound(alerts.min(), trials.min(), neg_log_alpha),
            "scores": float((distances + epsilon).max()),
            "slow": upper_bound(slow.max(), parts.min(), neg_log_alpha),
            "problems": upper_bound(problems.max(), trials.min(), neg_log_alpha),
        }

    def _tests(self, windows: BlockRows, limits: dict[str, float]) -> Iterator[_WindowTest]:
        alerts, trials = _share(windows, ALERTS, TRANSACTIONS)
        shares = {
            "alert_rate_high": (alerts, trials),
            "alert_rate_low": (alerts, trials),
            "alert_multiple": (alerts, trials),
            "scores": self._distances(windows),
            "slow": _share(windows, SLOW, PARTS),
            "problems": _share(windows, PROBLEMS, TRANSACTIONS),
        }
        return (_WindowTest(name, *shares[name], limit) for name, limit in limits.items())

    def _distances(self, windows: BlockRows) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return (n,) KS distances from the pooled histogram, and (n,) numbers of scores."""
        draws = windows[:, FIRST_BIN:].sum(axis=1)
        distances = np.abs(_distribution(windows) - self._pooled).max(axis=1)
        return np.where(draws > 0, distances, 0.0), draws


def _distribution(windows: BlockRows) -> NDArray[np.float64]:
    """Return (n, bins) the share of scores up to the end of each bin."""
    cumulative = windows[:, FIRST_BIN:].cumsum(axis=1)
    distribution: NDArray[np.float64] = cumulative / np.maximum(cumulative[:, -1:], 1)
    return distribution


def _share(windows: BlockRows, successes: int, trials: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the (n,) shares, 0 where there are no trials, and the (n,) numbers of trials."""
    return windows[:, successes] / np.maximum(windows[:, trials], 1), windows[:, trials]

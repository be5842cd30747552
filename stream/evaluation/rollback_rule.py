"""Whether a promoted champion has left the bounds of a reference period, at a stated error for the whole watch.

Each statistic is looked at in windows of 1, 2, 4, … blocks: what is grossly wrong shows in one, what is a little wrong
in many. Two doubts add up to the error, half of it each, split evenly over statistics (Bonferroni):

- the reference's own chance. Let p be the highest true alert rate of any time of the cycle. One of the reference's
  windows had it, and it is believed to have shown no less than p's lower end (`bounds.highest`); the same with the
  lowest, and with the highest share of slow parts and of problems;
- each later window's. Its true rate is p at most, so a rate that p gives with a probability of at most δ is a breach
  (`bounds.too_many`); δ is shared by all windows that are watched.

Scores: the largest Kolmogorov-Smirnov distance between a reference window's histogram and the pooled one may be
exceeded by the later window's ε and by that of the reference's window of the same time of the cycle
(`bounds.distance`), for sup│F̂ - R│ ≤ sup│F̂ - F│ + sup│F - F̂_ref│ + sup│F̂_ref - R│.

It holds where transactions of one time of the cycle are independent draws, the reference covers the cycle, and the
watch does not see what the cycle never had.
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
from stream.evaluation.bounds import ceiling, distance, highest, lowest, too_many

#: Windows are a quarter of the reference at most: so a reference of a whole number of cycles, or of a cycle and a
#: third, holds a window of each time of the cycle.
_WINDOWS = 4
#: What is tested; `alert_multiple` is the alert rate beside the previous champion's.
STATISTICS = ("alert_rate_high", "alert_rate_low", "alert_multiple", "scores", "slow", "problems")


@dataclass(frozen=True, slots=True)
class RollbackLimits:
    """The numbers of a watch; see the settings of the same names."""

    block: int
    min_blocks: int
    watched_blocks: int
    error: float
    alert_multiple: float
    slow_ms: int


@dataclass(frozen=True, slots=True)
class Breach:
    """A statistic that left its bounds."""

    statistic: str
    #: A share of transactions, of parts scored (slow), or a KS distance.
    value: float
    #: That it crossed: from above for alert_rate_low, from below for all others.
    bound: float
    #: Of the window that it was seen in.
    transactions: int
    #: Blocks since the promotion.
    blocks: int


@dataclass(frozen=True, slots=True)
class _Test:
    """One statistic in windows (n,): shares of trials against a probability, or distances of draws against a limit."""

    statistic: str
    values: NDArray[np.float64]
    trials: NDArray[np.int64]
    limit: float

    def exceeds(self, log_odds: float) -> NDArray[np.bool_]:
        """Return (n,) whether the bound is crossed, with a probability of at most exp(-log_odds) by chance."""
        if self.statistic == "scores":
            found: NDArray[np.bool_] = self.values > self.limit + distance(log_odds, self.trials)
            return found
        if self.statistic == "alert_rate_low":
            return too_many(1 - self.values, self.trials, 1 - self.limit, log_odds)
        return too_many(self.values, self.trials, self.limit, log_odds)

    def bound(self, place: int, log_odds: float) -> float:
        """Return what the window's value must not cross."""
        trials = self.trials[place]
        if self.statistic == "scores":
            return self.limit + float(distance(log_odds, trials))
        if self.statistic == "alert_rate_low":
            return 1 - ceiling(1 - self.limit, trials, log_odds)
        return ceiling(self.limit, trials, log_odds)


class RollbackRule:
    """Bounds made of a reference period.

    Args:
        reference: (m, WIDTH) blocks, at least one.
        previous: (k, WIDTH) blocks of the previous champion's time; too few for `limits` say nothing.
        limits: Error, blocks to be watched, multiple.
    """

    def __init__(self, reference: BlockRows, previous: BlockRows, limits: RollbackLimits) -> None:
        self._watched = limits.watched_blocks
        most = max(min(len(reference) // _WINDOWS, limits.watched_blocks), 1)
        sizes = [2**power for power in range(most.bit_length())]
        tests = sum(limits.watched_blocks // size for size in sizes) * len(STATISTICS)
        self._log_odds = math.log(2 * tests / limits.error)
        own = math.log(2 * len(sizes) * len(STATISTICS) / limits.error)
        self._pooled = _distribution(reference.sum(axis=0, keepdims=True))
        self._limits = {size: self._learn(sliding_sums(reference, size), own) for size in sizes}
        for size in sizes:
            if len(previous) >= max(limits.min_blocks, _WINDOWS * size):
                rate, trials = _share(sliding_sums(previous, size), ALERTS, TRANSACTIONS)
                highs = limits.alert_multiple * highest(rate.max(), trials.min(), own)
                self._limits[size]["alert_multiple"] = min(highs, 1.0)

    def first_breach(self, live: BlockRows) -> Breach | None:
        """Return what left its bounds first, if anything did, of the blocks (n, WIDTH) since the promotion."""
        live = live[: self._watched]
        breaches = []
        for size, limits in self._limits.items():
            windows = tumbling_sums(live, size)
            for test in self._tests(windows, limits):
                crossed = np.flatnonzero(test.exceeds(self._log_odds))
                if len(crossed):
                    place = int(crossed[0])
                    value, bound = float(test.values[place]), test.bound(place, self._log_odds)
                    seen = int(windows[place, TRANSACTIONS])
                    breaches.append(Breach(test.statistic, value, bound, seen, (place + 1) * size))
        return min(breaches, key=lambda breach: breach.blocks, default=None)

    def readings(self, live: BlockRows) -> dict[str, tuple[float, float]]:
        """Return each statistic's value and bound in the newest block; `live` has one at least."""
        tests = self._tests(live[-1:], self._limits[1])
        return {test.statistic: (float(test.values[0]), test.bound(0, self._log_odds)) for test in tests}

    def _learn(self, windows: BlockRows, log_odds: float) -> dict[str, float]:
        """Return by statistic the probability, or the distance, that is believed to be the worst of the cycle.

        Of windows of different size the smallest counts: it says least.
        """
        alerts, trials = _share(windows, ALERTS, TRANSACTIONS)
        slow, parts = _share(windows, SLOW, PARTS)
        problems, _ = _share(windows, PROBLEMS, TRANSACTIONS)
        distances, draws = self._distances(windows)
        # Any of the windows may be the one of the same time of the cycle.
        off = distance(log_odds + math.log(len(windows)), draws)
        return {
            "alert_rate_high": highest(alerts.max(), trials.min(), log_odds),
            "alert_rate_low": lowest(alerts.min(), trials.min(), log_odds),
            "scores": float((distances + off).max()),
            "slow": highest(slow.max(), parts.min(), log_odds),
            "problems": highest(problems.max(), trials.min(), log_odds),
        }

    def _tests(self, windows: BlockRows, limits: dict[str, float]) -> Iterator[_Test]:
        alerts, trials = _share(windows, ALERTS, TRANSACTIONS)
        shares = {
            "alert_rate_high": (alerts, trials),
            "alert_rate_low": (alerts, trials),
            "alert_multiple": (alerts, trials),
            "scores": self._distances(windows),
            "slow": _share(windows, SLOW, PARTS),
            "problems": _share(windows, PROBLEMS, TRANSACTIONS),
        }
        return (_Test(name, *shares[name], limit) for name, limit in limits.items())

    def _distances(self, windows: BlockRows) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return (n,) KS distances from the pooled histogram, and (n,) how many scores each window has."""
        draws = windows[:, FIRST_BIN:].sum(axis=1)
        apart = np.abs(_distribution(windows) - self._pooled).max(axis=1)
        return np.where(draws > 0, apart, 0.0), draws


def _distribution(windows: BlockRows) -> NDArray[np.float64]:
    """Return (n, bins) the shares of scores up to the end of each bin."""
    cumulative = windows[:, FIRST_BIN:].cumsum(axis=1)
    found: NDArray[np.float64] = cumulative / np.maximum(cumulative[:, -1:], 1)
    return found


def _share(windows: BlockRows, successes: int, trials: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return (n,) shares, 0 where there were no trials, and (n,) trials."""
    return windows[:, successes] / np.maximum(windows[:, trials], 1), windows[:, trials]

"""Paired comparison of two entries on the same folds, and the format of intervals."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from schemas.manifest import Metric
from training.study.entry_record import EntryRecord, standard_error

_CONFIDENCE = 0.95


def paired_difference(left: EntryRecord, right: EntryRecord) -> Metric:
    """Return the difference in mean PR-AUC, left minus right, with its 95% interval.

    The interval is Student's t over the paired differences by fold ("Student", 1908). With few folds it is wide, as it
    should be.

    Args:
        left: First entry.
        right: Second entry, scored on the same folds.
    """
    return t_interval(left.by_fold - right.by_fold)


def t_interval(values: NDArray[np.float64]) -> Metric:
    """Return the mean of values (k,), k ≥ 2, with its 95% interval.

    >>> interval = t_interval(np.array([0.0, 0.1]))
    >>> round(interval.low, 2), round(interval.value, 2), round(interval.high, 2)
    (-0.59, 0.05, 0.69)
    """
    mean = float(values.mean())
    half_width = float(t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1)) * standard_error(values)
    return Metric(mean, mean - half_width, mean + half_width)


def interval(metric: Metric) -> str:
    """Format a metric with its interval.

    >>> interval(Metric(0.8, 0.75, 0.85))
    '0.8000 (0.7500 to 0.8500)'
    """
    return f"{metric.value:.4f} ({metric.low:.4f} to {metric.high:.4f})"


def signed(difference: Metric) -> str:
    """Format a difference with its interval, each number with its sign.

    >>> signed(Metric(0.01, -0.002, 0.022))
    '+0.0100 (-0.0020 to +0.0220)'
    """
    return f"{difference.value:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})"

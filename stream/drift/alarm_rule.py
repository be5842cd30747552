"""The drift alarm rule.

A column exceeds its limits in a window if

    PSI > max(drift_psi, natural quantile, χ² critical value)
    or KS is significant (Holm) and D > max(drift_ks, natural quantile)

and raises an alarm after `drift_windows_in_a_row` such windows in a row. An alarm becomes a page if PSI also exceeds
the natural quantile by more than `drift_page_psi`. The natural quantiles are in the bundle and say how far the column
moved between windows of the training data, for several window sizes; the largest size up to the window's own size
applies. Without a natural quantile, the state is "unknown". A categorical column has no KS statistic, so only PSI can
raise an alarm.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.manifest import NaturalMovement
from schemas.messages import ColumnDrift, DriftState
from stream.drift.significance import psi_critical
from stream.drift.statistics import DriftStatistics, Floats, WindowStatistics
from stream.settings import DriftSettings, WatermarkSettings

Flags = NDArray[np.bool_]


class DriftLimits(Struct, frozen=True):
    """Window sizes and limits of the drift monitor; `stream.settings` explains each of them."""

    window_rows: int
    window_s: float
    pane_s: int
    rolling_s: int
    psi: float
    ks: float
    alpha: float
    page_psi: float
    windows_in_a_row: int
    alert_alpha: float
    alert_expected: float
    #: Settings of the event-time watermark; the ledger must have the same settings.
    lateness_s: float
    idle_s: float


def drift_limits(drift: DriftSettings, watermark: WatermarkSettings) -> DriftLimits:
    """Return the drift monitor's limits from the settings."""
    return DriftLimits(
        window_rows=drift.window_rows,
        window_s=drift.window_s,
        pane_s=drift.pane_s,
        rolling_s=drift.rolling_s,
        psi=drift.psi,
        ks=drift.ks,
        alpha=drift.alpha,
        page_psi=drift.page_psi,
        windows_in_a_row=drift.windows_in_a_row,
        alert_alpha=drift.alert_alpha,
        alert_expected=drift.alert_expected,
        lateness_s=watermark.lateness_s,
        idle_s=watermark.idle_s,
    )


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """The result of comparing (...,) windows of k columns with the columns' limits."""

    #: (..., k) limit on PSI; NaN if unknown.
    psi_limit: Floats
    #: (..., k) limit on the KS statistic; NaN if unknown, and for categorical columns.
    distance_limit: Floats
    #: (..., k) whether the state is known: the window has rows, and the column has a reference and a natural quantile.
    decidable: Flags
    #: (..., k) whether PSI or the KS statistic exceeds its limit.
    over: Flags
    #: (..., k) whether, in addition, PSI exceeds the natural quantile by more than `drift_page_psi`.
    far_over: Flags


class AlarmRule:
    """The alarm rule for one bundle.

    Args:
        statistics: Computes the drift statistics in the bundle's bins.
        limits: Limits and error probabilities that apply to all columns.
    """

    def __init__(self, statistics: DriftStatistics, limits: DriftLimits) -> None:
        self._statistics = statistics
        self._limits = limits
        profiles = [column.profile for column in statistics.columns]
        self._natural = [_NaturalQuantiles(profile.natural if profile else ()) for profile in profiles]
        # Bonferroni correction over all columns with a reference.
        self._column_alpha = limits.alpha / max(sum(profile is not None for profile in profiles), 1)

    def check(self, measured: WindowStatistics) -> LimitCheck:
        """Compare each window with the limits, independently of the other windows."""
        limits, statistics = self._limits, self._statistics
        psis, distances = (np.full(measured.psi.shape, np.nan) for _ in range(2))
        for index, natural in enumerate(self._natural):
            psis[..., index], distances[..., index] = natural.at(measured.rows)
        critical = psi_critical(
            statistics.bins, measured.rows[..., None], statistics.reference_rows, self._column_alpha
        )
        psi_limit = np.maximum(np.maximum(psis, limits.psi), critical)
        distance_limit = np.where(statistics.categorical, np.nan, np.maximum(distances, limits.ks))
        decidable = ~np.isnan(measured.psi) & ~np.isnan(psis)
        moved = (measured.p < limits.alpha) & (measured.distance > distance_limit)
        over = decidable & ((measured.psi > psi_limit) | moved)
        return LimitCheck(psi_limit, distance_limit, decidable, over, over & (measured.psi > psis + limits.page_psi))

    def evaluate(self, measured: WindowStatistics, before: Sequence[int]) -> list[ColumnDrift]:
        """Return the state of each column after one window.

        Args:
            measured: Statistics of one window, without leading axes.
            before: (k,) number of windows in a row over a limit, up to the previous window; 0 for the first window.

        Returns:
            (k,) states, in the order of the statistics' columns.
        """
        check = self.check(measured)
        psis, distances, p = (_or_none(each) for each in (measured.psi, measured.distance, measured.p))
        psi_limits, distance_limits = _or_none(check.psi_limit), _or_none(check.distance_limit)
        missing = np.nan_to_num(measured.missing).tolist()
        over, decidable, far_over = check.over.tolist(), check.decidable.tolist(), check.far_over.tolist()
        in_a_row = [windows + 1 if over[index] else 0 for index, windows in enumerate(before)]
        return [
            ColumnDrift(
                psi=psis[index],
                distance=distances[index],
                p=p[index],
                missing=missing[index],
                psi_limit=psi_limits[index],
                distance_limit=distance_limits[index],
                state=self._state(windows, decidable=decidable[index], far_over=far_over[index]),
                in_a_row=windows,
            )
            for index, windows in enumerate(in_a_row)
        ]

    def _state(self, in_a_row: int, *, decidable: bool, far_over: bool) -> DriftState:
        if not decidable:
            return "unknown"
        if in_a_row < self._limits.windows_in_a_row:
            return "high" if in_a_row else "ok"
        return "page" if far_over else "alarm"


class _NaturalQuantiles:
    """The natural quantiles of one column, by window size."""

    def __init__(self, natural: tuple[NaturalMovement, ...]) -> None:
        self._sizes = np.array([each.rows for each in natural], dtype=np.int64)
        self._psi = np.array([np.nan, *(each.psi for each in natural)])
        self._distance = np.array([np.nan, *(each.distance for each in natural)])

    def at(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the (...,) natural quantiles of PSI and of the distance for windows with (...,) `rows`.

        The quantiles are those for the largest stored size that is at most the window's; NaN if there is none. Smaller
        windows vary more, so the quantiles err on the high side.
        """
        index = np.searchsorted(self._sizes, rows, side="right")
        return self._psi[index], self._distance[index]


def _or_none(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]

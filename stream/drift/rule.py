"""When movement is an alarm.

A window's column is over its limits when

    PSI > max(drift_psi, natural quantile, χ² critical value)
    or KS is significant (Holm) and D > max(drift_ks, natural quantile)

and it alarms after `drift_windows_in_a_row` such windows in a row. An alarm is a page when PSI also exceeds the natural
quantile by `drift_page_psi`. Natural quantiles are the bundle's: how far the column strayed by itself in windows of the
training part, of the largest size that is not above the window's. Where none is, nothing is judged: "unknown". A
category has no KS: it alarms by PSI alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.manifest import NaturalMovement
from schemas.messages import ColumnDrift, DriftState
from stream.drift.measure import Floats, Measure, Measured
from stream.drift.null import psi_critical
from stream.settings import Settings

Flags = NDArray[np.bool_]


class DriftLimits(Struct, frozen=True):
    """The numbers of the watch; the settings of the same names with `drift_` or `ledger_` say why."""

    window_rows: int
    window_s: float
    pane_s: int
    rolling_s: int
    psi: float
    ks: float
    level: float
    page_psi: float
    windows_in_a_row: int
    alert_level: float
    alert_expected: float
    #: Of the event-time watermark, which must mean the same as the ledger's.
    lateness_s: float
    idle_s: float


def drift_limits(settings: Settings) -> DriftLimits:
    """Take the limits out of the settings."""
    return DriftLimits(
        window_rows=settings.drift.window_rows,
        window_s=settings.drift.window_s,
        pane_s=settings.drift.pane_s,
        rolling_s=settings.drift.rolling_s,
        psi=settings.drift.psi,
        ks=settings.drift.ks,
        level=settings.drift.alpha,
        page_psi=settings.drift.page_psi,
        windows_in_a_row=settings.drift.windows_in_a_row,
        alert_level=settings.drift.alert_alpha,
        alert_expected=settings.drift.alert_expected,
        lateness_s=settings.watermark.lateness_s,
        idle_s=settings.watermark.idle_s,
    )


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Windows (...,) of k columns against their limits."""

    #: (..., k) NaN where unknown.
    psi_limit: Floats
    #: (..., k) NaN where unknown, and of categories.
    distance_limit: Floats
    #: (..., k) whether there is something to judge, and something to judge it by.
    known: Flags
    #: (..., k) whether a limit is exceeded.
    over: Flags
    #: (..., k) whether it is, by far.
    far: Flags


class Rule:
    """The rule for one bundle.

    Args:
        measure: Of the bundle.
        limits: Defaults and levels.
    """

    def __init__(self, measure: Measure, limits: DriftLimits) -> None:
        self._measure = measure
        self._limits = limits
        profiles = [column.profile for column in measure.columns]
        self._natural = [_Natural(profile.natural if profile else ()) for profile in profiles]
        # Bonferroni: of all columns together.
        self._level = limits.level / max(sum(profile is not None for profile in profiles), 1)

    def exceeded(self, measured: Measured) -> Exceeded:
        """Hold windows against the limits, each alone."""
        limits, measure = self._limits, self._measure
        psis, distances = (np.full(measured.psi.shape, np.nan) for _ in range(2))
        for place, natural in enumerate(self._natural):
            psis[..., place], distances[..., place] = natural.of(measured.rows)
        critical = psi_critical(measure.bins, measured.rows[..., None], measure.reference_rows, self._level)
        psi_limit = np.maximum(np.maximum(psis, limits.psi), critical)
        distance_limit = np.where(measure.categorical, np.nan, np.maximum(distances, limits.ks))
        known = ~np.isnan(measured.psi) & ~np.isnan(psis)
        moved = (measured.p < limits.level) & (measured.distance > distance_limit)
        over = known & ((measured.psi > psi_limit) | moved)
        return Exceeded(psi_limit, distance_limit, known, over, over & (measured.psi > psis + limits.page_psi))

    def judge(self, measured: Measured, before: Sequence[int]) -> list[ColumnDrift]:
        """Judge one window.

        Args:
            measured: Of one window: no leading axes.
            before: (k,) how many windows in a row were over a limit until the one before; 0 of the first window.

        Returns:
            (k,) in the measure's order.
        """
        exceeded = self.exceeded(measured)
        psis, distances, p = (_or_none(each) for each in (measured.psi, measured.distance, measured.p))
        psi_limits, distance_limits = _or_none(exceeded.psi_limit), _or_none(exceeded.distance_limit)
        missing = np.nan_to_num(measured.missing).tolist()
        over, known, far = exceeded.over.tolist(), exceeded.known.tolist(), exceeded.far.tolist()
        in_a_row = [windows + 1 if over[place] else 0 for place, windows in enumerate(before)]
        return [
            ColumnDrift(
                psi=psis[place],
                distance=distances[place],
                p=p[place],
                missing=missing[place],
                psi_limit=psi_limits[place],
                distance_limit=distance_limits[place],
                state=self._state(windows, known=known[place], far=far[place]),
                in_a_row=windows,
            )
            for place, windows in enumerate(in_a_row)
        ]

    def _state(self, in_a_row: int, *, known: bool, far: bool) -> DriftState:
        if not known:
            return "unknown"
        if in_a_row < self._limits.windows_in_a_row:
            return "high" if in_a_row else "ok"
        return "page" if far else "alarm"


class _Natural:
    """One column's natural quantiles by size of the window."""

    def __init__(self, natural: tuple[NaturalMovement, ...]) -> None:
        self._sizes = np.array([each.rows for each in natural], dtype=np.int64)
        self._psi = np.array([np.nan, *(each.psi for each in natural)])
        self._distance = np.array([np.nan, *(each.distance for each in natural)])

    def of(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return (...,) those of PSI and of the distance for windows of so many rows; NaN where none is stored.

        Of the largest stored size that is not above: smaller windows stray further, so this is rather too much.
        """
        place = np.searchsorted(self._sizes, rows, side="right")
        return self._psi[place], self._distance[place]


def _or_none(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]

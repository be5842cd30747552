"""Measure metrics by amount band and hour of day, which shows where a model performs below its average."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.errors import SettingsError
from schemas.manifest import Metric
from schemas.messages import Policy
from training.evaluation.bootstrap import RESAMPLES
from training.evaluation.figures import DEFAULTS, FigureSettings, all_figures, measure
from training.evaluation.scored_rows import ScoredRows

#: Lower edges of the amount bands, in minor units. The last band has no upper edge. With cents: 10, 50, 200 and 1,000.
AMOUNT_EDGES = (0, 1_000, 5_000, 20_000, 100_000)
HOURS_PER_BAND = 4
_HOUR_MS = 3_600_000
_HOURS = 24


class Slice(Struct, frozen=True):
    """A slice of the transactions with its own metrics."""

    #: "amount" or "hour".
    by: str
    #: Display name of the slice, with the unit. A band includes its lower edge but not its upper edge.
    name: str
    rows: int
    frauds: int
    #: Metrics that are defined on the slice; for example, recall is undefined without frauds.
    metrics: dict[str, Metric]


def slice_figures(
    scored: ScoredRows,
    policy: Policy,
    settings: FigureSettings = DEFAULTS,
    amount_edges: Sequence[int] = AMOUNT_EDGES,
    resamples: int = RESAMPLES,
) -> list[Slice]:
    """Return the metrics of each amount band, then of each band of hours of the UTC day. Empty bands are left out.

    `recall_at_alert_rate` and `precision_at_alerts_a_day` grant each slice the full alert rate and daily budget.

    Args:
        scored: Transactions with their scores.
        policy: Policy whose alerts are measured.
        settings: Parameters of the metrics.
        amount_edges: Lower edges of the amount bands in minor units.
        resamples: Number of bootstrap resamples.

    Raises:
        SettingsError: If the edges do not ascend from 0.
    """
    slices = []
    amounts = (("amount", name, mask) for name, mask in amount_bands(scored.amount_minor, amount_edges))
    for by, name, mask in (*amounts, *_hour_bands(scored)):
        if mask.any():
            part = scored.part(mask)
            metrics = measure(all_figures(part, policy, settings), resamples)
            slices.append(Slice(by, name, len(part), int(part.labels.sum()), metrics))
    return slices


def amount_bands(amount_minor: NDArray[np.int64], edges: Sequence[int]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name of each amount band, and the mask (n,) of the amounts (n,) in it.

    Args:
        amount_minor: Amounts (n,) in minor units of one currency.
        edges: Lower edges of the bands.

    Raises:
        SettingsError: If the edges do not ascend from 0.
    """
    if not edges or edges[0] != 0 or any(high <= low for low, high in pairwise(edges)):
        raise SettingsError("the edges of amount bands must begin with 0 and ascend; give them in minor units")
    band = np.digitize(amount_minor, edges) - 1
    for i, low in enumerate(edges):
        name = f"{low:,} to {edges[i + 1]:,} minor units" if i + 1 < len(edges) else f"{low:,} minor units and more"
        yield name, band == i


def _hour_bands(scored: ScoredRows) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    hour = scored.event_time_ms // _HOUR_MS % _HOURS
    for low in range(0, _HOURS, HOURS_PER_BAND):
        yield "hour", f"{low:02}:00 to {low + HOURS_PER_BAND:02}:00 UTC", hour // HOURS_PER_BAND * HOURS_PER_BAND == low

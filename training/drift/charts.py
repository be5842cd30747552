"""The drift report's plots."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.eda.html import Html
from training.eda.svg import FRAUD, LEGIT, LINE, MUTED, WIDTH, Margins, plot

_SMALL = 0.72 * WIDTH


def over_windows(values: Sequence[float | None], limits: Sequence[float | None], label: str, *, wide: bool) -> Html:
    """Draw a figure of each window, and dotted what it is held against.

    Args:
        values: (w,), oldest first; None leaves a gap.
        limits: (w,), likewise.
        label: What the plot shows.
        wide: Whether it has a place of its own, not one among many.
    """
    numbers = np.arange(1, len(values) + 1)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(numbers, _with_gaps(values), "o-", color=LEGIT, markersize=3, linewidth=1.2)
        axes.plot(numbers, _with_gaps(limits), color=FRAUD, linewidth=1.2, linestyle=":")
        axes.set_xlim(0.5, len(values) + 0.5)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y", color=LINE)

    width, height = (WIDTH, 2.0) if wide else (_SMALL, 1.4)
    return plot(paint, label, height=height, width=width, margins=Margins(left=0.55, bottom=0.24))


def bins(reference: Sequence[int], current: Sequence[int], label: str) -> Html:
    """Draw the shares of both over the reference's bins, each as wide as any other; the last one is missing values.

    Args:
        reference: (b,) counts.
        current: (b,) counts.
        label: What the plot shows.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        edges = np.arange(len(reference) + 1)
        first, second = (np.array(counts) / max(sum(counts), 1) for counts in (reference, current))
        axes.stairs(first, edges, fill=True, color=LEGIT, alpha=0.55)
        axes.stairs(second, edges, color=FRAUD, linewidth=1.6)
        axes.axvline(len(reference) - 1, color=MUTED, linewidth=0.8, linestyle="--")
        axes.set_ylim(bottom=0)
        axes.set_xticks([])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(3))

    return plot(paint, label, height=1.2, width=_SMALL, margins=Margins(left=0.45, bottom=0.08))


def _with_gaps(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

"""The plots of the data report."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from training.eda.columns import Bins
from training.eda.groups import DAY_MS
from training.eda.measures import Counts, wilson
from training.eda.rows import PARTS
from training.pages.figures import FRAUD, INK, LEGIT, LINE, MUTED, WIDTH, Margins, inline_svg


def timeline(edges_ms: Counts, by_class: Counts, starts_ms: Sequence[int]) -> Markup:
    """Plot transactions and frauds over time, with lines where the validation and test sets begin.

    Args:
        edges_ms: Bucket edges (b + 1,), UTC milliseconds.
        by_class: Counts (2, b), legitimate and fraud.
        starts_ms: Start of each split, UTC milliseconds.
    """
    edges = edges_ms / DAY_MS

    def draw(figure: Figure) -> None:
        above, below = _stacked(figure)
        above.stairs(by_class.sum(axis=0), edges, fill=True, color=LEGIT)
        above.set_title("transactions", loc="left")
        below.stairs(by_class[1], edges, fill=True, color=FRAUD)
        below.set_title("frauds", loc="left")
        ends = [*starts_ms[1:], int(edges_ms[-1])]
        for index, (start, end) in enumerate(zip(starts_ms, ends, strict=True)):
            for axes in (above, below) if index else ():
                axes.axvline(_day(start), color=INK, linewidth=1, linestyle="--")
            middle = _day((start + end) // 2)
            below.annotate(
                PARTS[index], (middle, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
            )
        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        below.xaxis.set_major_locator(locator)
        below.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
        for axes in (above, below):
            axes.yaxis.set_major_formatter(EngFormatter(sep=""))
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))

    label = "Transactions and frauds over time, with the train, validation and test periods"
    return inline_svg(draw, label, height=2.6, margins=Margins(top=0.22))


def shares_by_part(rows: Counts, frauds: Counts) -> Markup:
    """Plot the fraud rate in each split and in all rows, with 95% intervals.

    Args:
        rows: Counts (4,): train, validation, test, all.
        frauds: Number of frauds among these rows (4,).
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        positions = np.arange(len(rows))
        low, high = wilson(frauds, rows)
        share = frauds / np.maximum(rows, 1)
        axes.hlines(positions, low, high, color=FRAUD, linewidth=3, alpha=0.45)
        axes.plot(share, positions, "o", color=FRAUD)
        axes.set_yticks(positions, [*PARTS, "all"])
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlim(left=0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("fraud rate with 95% interval")
        axes.grid(axis="x")

    return inline_svg(draw, "Fraud rate in the train, validation and test data", height=2.0, margins=Margins(left=0.8))


def rate_by(names: Sequence[str], by_class: Counts, label: str) -> Markup:
    """Plot the number of transactions, and below it the fraud rate with its 95% interval, by ordered group.

    Args:
        names: Short names of the groups (g,), which must not come from the data.
        by_class: Counts (2, g), legitimate and fraud.
        label: Label of the horizontal axis.
    """

    def draw(figure: Figure) -> None:
        above, below = _stacked(figure)
        positions = np.arange(len(names))
        rows, frauds = by_class.sum(axis=0), by_class[1]
        above.bar(positions, rows, color=LEGIT)
        above.set_title("transactions", loc="left")
        above.yaxis.set_major_formatter(EngFormatter(sep=""))
        above.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        low, high = wilson(frauds, rows)
        below.vlines(positions, low, high, color=FRAUD, linewidth=3, alpha=0.45)
        below.plot(positions, np.where(rows > 0, frauds / np.maximum(rows, 1), np.nan), "o", markersize=4, color=FRAUD)
        below.axhline(frauds.sum() / max(rows.sum(), 1), color=MUTED, linewidth=1, linestyle=":")
        below.set_title("fraud rate (dotted: overall)", loc="left")
        # The wide interval of a nearly empty group would make all other groups look flat.
        tallest = np.nanmax(np.where(rows >= rows.max() / 100, high, np.nan))
        below.set_ylim(0, 1.05 * tallest if tallest > 0 else 1)
        below.yaxis.set_major_formatter(PercentFormatter(1))
        below.yaxis.set_major_locator(MaxNLocator(4))
        every = 1 + (len(names) - 1) // 12
        below.set_xticks(positions[::every], list(names[::every]))
        below.set_xlabel(label)

    label_text = f"Transactions and fraud rate by {label}"
    return inline_svg(draw, label_text, height=3.0, margins=Margins(left=0.58, top=0.22))


def histogram(bins: Bins, counts: Counts, label: str) -> Markup:
    """Plot the distributions of two groups of rows, each as shares of its own total.

    Args:
        bins: Bins of a numeric column.
        counts: Counts (2, b); the first group is filled, the second is a line.
        label: Alternative text for the plot.
    """
    edges = bins.edges
    if edges is None:
        raise ValueError("a text column has no histogram")

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        first, second = (row / max(row.sum(), 1) for row in counts)
        axes.stairs(first, edges, fill=True, color=LEGIT, alpha=0.55)
        axes.stairs(second, edges, color=FRAUD, linewidth=1.6)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        if bins.log:
            axes.set_xscale("log")
            axes.minorticks_off()
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 5))

    return inline_svg(draw, label, height=1.4, width=0.72 * WIDTH, margins=Margins(left=0.4, bottom=0.22))


def _day(time_ms: int) -> float:
    """Return the time in days since 1970, matplotlib's unit for dates."""
    return time_ms / DAY_MS


def _stacked(figure: Figure) -> tuple[Axes, Axes]:
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.45})
    for axes in (above, below):
        axes.grid(axis="y", color=LINE)
        axes.set_axisbelow(True)
    return above, below

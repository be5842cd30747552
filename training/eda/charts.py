"""The plots of the report."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from training.eda.columns import Bins
from training.eda.groups import DAY_MS
from training.eda.html import Html, element, join
from training.eda.measures import Counts, Floats, wilson
from training.eda.rows import PARTS
from training.eda.svg import FRAUD, INK, LEGIT, LINE, MUTED, WIDTH, Margins, plot

#: A label of a heat map longer than this is cut; the whole one shows when pointed at.
_LABEL = 12
#: Width of a letter in it.
_LETTER = 5


def timeline(edges_ms: Counts, by_class: Counts, starts_ms: Sequence[int]) -> Html:
    """Draw transactions and frauds over time, with the places where validation and test begin.

    Args:
        edges_ms: Bucket edges (b + 1,), UTC milliseconds.
        by_class: Counts (2, b), legitimate and fraud.
        starts_ms: First millisecond of each part.
    """
    edges = edges_ms / DAY_MS

    def paint(figure: Figure) -> None:
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

    return plot(
        paint, "Transactions and frauds over time, with the parts of the split", height=2.6, margins=Margins(top=0.22)
    )


def shares_by_part(rows: Counts, frauds: Counts) -> Html:
    """Draw the share of frauds in each part, all rows last, with 95 % intervals.

    Args:
        rows: Counts (4,): train, validation, test, all.
        frauds: Likewise.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(rows))
        low, high = wilson(frauds, rows)
        share = frauds / np.maximum(rows, 1)
        axes.hlines(places, low, high, color=FRAUD, linewidth=3, alpha=0.45)
        axes.plot(share, places, "o", color=FRAUD)
        axes.set_yticks(places, [*PARTS, "all"])
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlim(left=0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("share of frauds, 95 % interval")
        axes.grid(axis="x")

    return plot(paint, "Share of frauds by part of the split", height=2.0, margins=Margins(left=0.8))


def rate_by(names: Sequence[str], by_class: Counts, label: str) -> Html:
    """Draw transactions, and below the share of frauds with its 95 % interval, over ordered groups.

    Args:
        names: Of the groups (g,), short; not from the data.
        by_class: Counts (2, g), legitimate and fraud.
        label: Of the axis.
    """

    def paint(figure: Figure) -> None:
        above, below = _stacked(figure)
        places = np.arange(len(names))
        rows, frauds = by_class.sum(axis=0), by_class[1]
        above.bar(places, rows, color=LEGIT)
        above.set_title("transactions", loc="left")
        above.yaxis.set_major_formatter(EngFormatter(sep=""))
        above.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        low, high = wilson(frauds, rows)
        below.vlines(places, low, high, color=FRAUD, linewidth=3, alpha=0.45)
        below.plot(places, np.where(rows > 0, frauds / np.maximum(rows, 1), np.nan), "o", markersize=4, color=FRAUD)
        below.axhline(frauds.sum() / max(rows.sum(), 1), color=MUTED, linewidth=1, linestyle=":")
        below.set_title("share of frauds (dotted: of all rows)", loc="left")
        # The interval of an almost empty group would flatten all others.
        tallest = np.nanmax(np.where(rows >= rows.max() / 100, high, np.nan))
        below.set_ylim(0, 1.05 * tallest if tallest > 0 else 1)
        below.yaxis.set_major_formatter(PercentFormatter(1))
        below.yaxis.set_major_locator(MaxNLocator(4))
        every = 1 + (len(names) - 1) // 12
        below.set_xticks(places[::every], list(names[::every]))
        below.set_xlabel(label)

    return plot(paint, f"Transactions and share of frauds by {label}", height=3.0, margins=Margins(left=0.58, top=0.22))


def histogram(bins: Bins, counts: Counts, label: str) -> Html:
    """Draw how two groups of rows are distributed, each as shares of its own.

    Args:
        bins: Of numbers.
        counts: (2, b): the first is drawn filled, the second as a line.
        label: What the plot shows.
    """
    edges = bins.edges
    if edges is None:
        raise ValueError("levels have no histogram")

    def paint(figure: Figure) -> None:
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

    return plot(paint, label, height=1.4, width=0.72 * WIDTH, margins=Margins(left=0.4, bottom=0.22))


def heat_map(values: Floats, rows: Sequence[str], columns: Sequence[str], texts: Sequence[Sequence[str]]) -> Html:
    """Make a grid of squares: as opaque as a value is large, in one colour above zero and another below.

    Args:
        values: (r, c) in [-1, 1].
        rows: Names (r,), from the top.
        columns: Names (c,), from the left.
        texts: (r, c) What a square says when pointed at.
    """
    cell, top = 10, 4
    left = 8 + _LETTER * max((len(_cut(name)) for name in rows), default=0)
    parts: list[Html] = []
    for i, name in enumerate(rows):
        place = {"x": str(left - 3), "y": str(top + i * cell + 7)}
        parts.append(element("text", _cut(name), element("title", name), text_anchor="end", **place))
        for j, value in enumerate(values[i].tolist()):
            square = {"x": str(left + j * cell), "y": str(top + i * cell), "width": "9", "height": "9"}
            colour = "fraud" if value > 0 else "legit"
            style = f"fill:var(--{colour});fill-opacity:{0.06 + 0.94 * abs(value):.2f}"
            parts.append(element("rect", element("title", texts[i][j]), style=style, **square))
    bottom = top + len(rows) * cell + 3
    for j, name in enumerate(columns):
        x = left + j * cell + 7
        turned = f"translate({x},{bottom}) rotate(-90)"
        parts.append(element("text", _cut(name), element("title", name), text_anchor="end", transform=turned))
    longest = max((len(_cut(name)) for name in columns), default=0)
    box = (left + len(columns) * cell + 2, bottom + 4 + _LETTER * longest)
    # The viewBox keeps its capital: inside HTML the parser knows it.
    return Html(
        f'<svg class="heat" viewBox="0 0 {box[0]} {box[1]}" style="max-width:{box[0] * 2}px">{join(parts)}</svg>'
    )


def _day(time_ms: int) -> float:
    """Return days since 1970, matplotlib's measure of dates."""
    return time_ms / DAY_MS


def _cut(name: str) -> str:
    return name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"


def _stacked(figure: Figure) -> tuple[Axes, Axes]:
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.45})
    for axes in (above, below):
        axes.grid(axis="y", color=LINE)
        axes.set_axisbelow(True)
    return above, below

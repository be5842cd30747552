"""The plots of the drift report."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from schemas.messages import ColumnDrift, DriftState
from training.pages.figures import FRAUD, LEGIT, LINE, MUTED, WIDTH, Margins, inline_svg
from training.pages.render import render_fragment

_SMALL = 0.72 * WIDTH
#: Upper end of the axis, as a multiple of the highest point.
_HEADROOM = 1.08

#: Number of windows in a sparkline; older windows are left out.
SPARKLINE_WINDOWS = 40
#: Units of a sparkline's drawing: width of a bar, gap between bars, height.
_BAR, _GAP, _HEIGHT = 4, 1, 22
#: Ratio of PSI to its limit at which a sparkline's bar has its full height; the line halfway up marks the limit.
_FULL = 2.0
_COLOURS: dict[DriftState, str] = {
    "unknown": "line",
    "ok": "legit",
    "high": "muted",
    "alarm": "fraud",
    "page": "fraud",
}


def over_windows(values: Sequence[float | None], limits: Sequence[float | None], label: str, *, wide: bool) -> Markup:
    """Plot a value over the windows as a line, and its limit or expected value as a dotted line.

    Args:
        values: Values (w,), oldest first; None leaves a gap.
        limits: Limits or expected values (w,); None leaves a gap.
        label: Alternative text for the plot.
        wide: Whether the plot fills a wide card instead of a small one.
    """
    numbers = np.arange(1, len(values) + 1)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(numbers, _with_gaps(values), "o-", color=LEGIT, markersize=3, linewidth=1.2)
        axes.plot(numbers, _with_gaps(limits), color=FRAUD, linewidth=1.2, linestyle=":")
        axes.set_xlim(0.5, len(values) + 0.5)
        highest = max((value for value in (*values, *limits) if value is not None), default=0.0)
        axes.set_ylim(0, _HEADROOM * highest if highest > 0 else 1)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y", color=LINE)

    width, height = (WIDTH, 2.0) if wide else (_SMALL, 1.4)
    return inline_svg(draw, label, height=height, width=width, margins=Margins(left=0.55, bottom=0.24))


def bins(reference: Sequence[int], current: Sequence[int], label: str) -> Markup:
    """Plot the share of rows in each bin of the reference, for the reference and the file, with missing values last.

    All bins are drawn equally wide.

    Args:
        reference: Counts (b,) of the reference.
        current: Counts (b,) of the file.
        label: Alternative text for the plot.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        edges = np.arange(len(reference) + 1)
        first, second = (np.array(counts) / max(sum(counts), 1) for counts in (reference, current))
        axes.stairs(first, edges, fill=True, color=LEGIT, alpha=0.55)
        axes.stairs(second, edges, color=FRAUD, linewidth=1.6)
        axes.axvline(len(reference) - 1, color=MUTED, linewidth=0.8, linestyle="--")
        axes.set_ylim(0, _HEADROOM * max(first.max(), second.max(), 1e-9))
        axes.set_xticks([])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(3))

    return inline_svg(draw, label, height=1.2, width=_SMALL, margins=Margins(left=0.45, bottom=0.08))


def sparkline(windows: Sequence[ColumnDrift]) -> Markup:
    """Return a sparkline of the newest windows, oldest first: one bar per window.

    The height of a bar is the ratio of PSI to its limit; a window that could not be judged gets a minimal bar.
    """
    shown = windows[-SPARKLINE_WINDOWS:]
    bars = []
    for position, window in enumerate(shown):
        share = 0.0 if window.psi is None or not window.psi_limit else min(window.psi / window.psi_limit, _FULL) / _FULL
        height = max(share * _HEIGHT, 1.0)
        tooltip = window.state if window.psi is None else f"PSI {window.psi:.3f}, {window.state}"
        bars.append(
            {
                "x": position * (_BAR + _GAP),
                "y": f"{_HEIGHT - height:.1f}",
                "height": f"{height:.1f}",
                "colour": _COLOURS[window.state],
                "tooltip": tooltip,
            }
        )
    return render_fragment(
        "sparkline.svg.j2",
        label=f"PSI relative to its limit in {len(shown)} windows",
        bars=bars,
        bar_width=_BAR,
        width=len(shown) * (_BAR + _GAP),
        height=_HEIGHT,
    )


def _with_gaps(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

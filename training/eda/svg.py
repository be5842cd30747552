"""matplotlib figures as inline SVG that takes its colours and its font from the page, light or dark."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from training.eda.html import Html

#: Colours to draw with. Each is replaced by the page's variable of the same name.
INK = "#010101"
MUTED = "#010102"
LINE = "#010103"
LEGIT = "#010104"
FRAUD = "#010105"
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", LEGIT: "legit", FRAUD: "fraud"}

#: Inches. At 72 units an inch a plot is about as wide as a phone is, so its text is not scaled down there.
WIDTH = 4.0
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "eda",  # the same figure has the same bytes
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@dataclass(frozen=True)
class Margins:
    """Inches around the axes, for their labels. Fixed, for to measure them would be to draw twice."""

    left: float = 0.5
    bottom: float = 0.42
    right: float = 0.12
    top: float = 0.06


def plot(paint: Callable[[Figure], None], label: str, *, height: float, margins: Margins, width: float = WIDTH) -> Html:
    """Draw a figure and return it as an SVG element.

    Args:
        paint: Draws on an empty figure, with the colours above and no text from the data: a font that lacks its
            letters would measure it wrongly.
        label: What the plot shows, for those who cannot see it.
        height: Inches.
        margins: Around the axes.
        width: Inches.
    """
    target = io.StringIO()
    with rc_context(_STYLE):
        # Figure without pyplot: no global state, no display, nothing to close.
        figure = Figure(figsize=(width, height))
        paint(figure)
        figure.subplots_adjust(
            left=margins.left / width,
            bottom=margins.bottom / height,
            right=1 - margins.right / width,
            top=1 - margins.top / height,
        )
        figure.savefig(target, format="svg", metadata=_NO_METADATA)
    return Html(_inlined(target.getvalue(), label))


def _inlined(document: str, label: str) -> str:
    svg = document[document.index("<svg") :]
    # Names of groups would be there once for every plot of the page.
    svg = re.sub(r'<g id="[^"]*">', "<g>", re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL))
    size = re.search(r'viewBox="0 0 ([\d.]+) ', svg)
    widest = f"{float(size[1]) * 1.5:.0f}px" if size else "100%"
    opening = f'<svg role="img" aria-label="{escape(label)}" style="max-width:{widest}" viewBox='
    svg = re.sub(r"<svg [^>]*?viewBox=", lambda _: opening, svg, count=1)
    # The page's font, at the size that matplotlib measured.
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg

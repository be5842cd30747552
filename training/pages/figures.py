"""matplotlib figures without a display: inline SVG in the colours of a page, or PNG and SVG files."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.figure import Figure

#: Placeholder colours for inline figures. Each is replaced by the page's CSS variable of the same name, which has a
#: value for light mode and one for dark mode.
INK = "#010101"
MUTED = "#010102"
LINE = "#010103"
LEGIT = "#010104"
FRAUD = "#010105"
CHOSEN = "#010106"
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", LEGIT: "legit", FRAUD: "fraud", CHOSEN: "chosen"}

#: Width of an inline figure in inches. At 72 units an inch this is about the width of a phone, so text stays legible.
WIDTH = 4.0
#: Makes identical figures produce identical bytes; by default, the ids inside an SVG are random.
_REPRODUCIBLE: dict[Any, Any] = {"svg.hashsalt": "fraud"}
_INLINE: dict[Any, Any] = _REPRODUCIBLE | {
    "svg.fonttype": "none",  # keep text as text
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
#: Prefix of an artist's group id that carries the text of a tooltip.
_TOOLTIP = "tooltip:"

Draw = Callable[[Figure], None]
Layout = Literal["constrained", "tight"]


@dataclass(frozen=True)
class Margins:
    """Inches between the axes and the figure's edge, fixed because measuring the labels would mean drawing twice."""

    left: float = 0.5
    bottom: float = 0.42
    right: float = 0.12
    top: float = 0.06


def inline_svg(draw: Draw, label: str, *, height: float, margins: Margins, width: float = WIDTH) -> Markup:
    """Draw a figure as an SVG element that takes its colours and font from the surrounding page.

    Args:
        draw: Function that draws on an empty figure, in the colours of this module. Text from the data must be
            horizontal and set with `parse_math=False`, since matplotlib measures other text with fonts that may lack
            its letters.
        label: Alternative text for the figure.
        height: Height in inches.
        margins: Space around the axes.
        width: Width in inches.
    """
    target = io.StringIO()
    with rc_context(_INLINE):
        # A Figure without pyplot has no global state and needs no display.
        figure = Figure(figsize=(width, height))
        draw(figure)
        figure.subplots_adjust(
            left=margins.left / width,
            bottom=margins.bottom / height,
            right=1 - margins.right / width,
            top=1 - margins.top / height,
        )
        figure.savefig(target, format="svg", metadata=_NO_METADATA)
    return Markup(_inlined(target.getvalue(), label))  # noqa: S704  # matplotlib has escaped every text


def save_figure(
    draw: Draw, path: Path, *, size: tuple[float, float], layout: Layout | None = "constrained", dpi: float = 100
) -> None:
    """Draw a figure into a file; the file suffix (.png or .svg) selects the format.

    Args:
        draw: Function that draws on an empty figure.
        path: File to write.
        size: Width and height in inches.
        layout: matplotlib's layout engine; None if `draw` places the axes itself, which halves the drawing time.
        dpi: Resolution of a PNG, in dots per inch.
    """
    with rc_context(_REPRODUCIBLE):
        figure = Figure(figsize=size, layout=layout)
        draw(figure)
        figure.savefig(path, dpi=dpi, metadata={"Date": None} if path.suffix == ".svg" else None)


def add_tooltip(artist: Artist, text: str) -> None:
    """Show a tooltip when the pointer is over an artist in an inline figure."""
    artist.set_gid(_TOOLTIP + text)


def _inlined(document: str, label: str) -> str:
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(rf'<g id="{_TOOLTIP}([^"]*)">', r"<g><title>\1</title>", svg)
    # Ids must be unique on a page, but every figure has the same group ids.
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    size = re.search(r'viewBox="(0 0 ([\d.]+) [\d.]+)"', svg)
    if size is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    opening = (
        f'<svg role="img" aria-label="{escape(label)}" style="max-width:{float(size[2]) * 1.5:.0f}px" '
        f'viewBox="{size[1]}">'
    )
    svg = re.sub(r"<svg [^>]*>", lambda _: opening, svg, count=1)
    # Use the page's font, in the size that matplotlib measured.
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg

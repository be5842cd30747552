"""A row of bars a window each, as high as the window's PSI is beside its limit."""

from collections.abc import Sequence

from schemas.messages import ColumnDrift, DriftState
from training.eda.html import Html, element, join

#: Windows shown, the newest ones.
WINDOWS = 40
_BAR, _GAP, _HEIGHT = 4, 1, 22
#: PSI over its limit at which a bar ends; the limit is the line half way up.
_MOST = 2.0
_COLOURS: dict[DriftState, str] = {
    "unknown": "line",
    "ok": "legit",
    "high": "muted",
    "alarm": "fraud",
    "page": "fraud",
}


def sparkline(windows: Sequence[ColumnDrift]) -> Html:
    """Draw the newest windows of one column, oldest first; a window that could not be judged is a low bar."""
    shown = windows[-WINDOWS:]
    width = len(shown) * (_BAR + _GAP)
    bars = [_bar(place, window) for place, window in enumerate(shown)]
    middle = str(_HEIGHT / 2)
    limit = element("line", x1="0", x2=str(width), y1=middle, y2=middle, style="stroke:var(--line);stroke-width:1")
    label = f"PSI over its limit in {len(shown)} windows"
    # The viewBox keeps its capital: inside HTML the parser knows it.
    opening = f'<svg role="img" aria-label="{label}" viewBox="0 0 {width} {_HEIGHT}" style="width:{width}px;margin:0">'
    return Html(f"{opening}{join([limit, *bars])}</svg>")


def _bar(place: int, window: ColumnDrift) -> Html:
    share = 0.0 if window.psi is None or not window.psi_limit else min(window.psi / window.psi_limit, _MOST) / _MOST
    height = max(share * _HEIGHT, 1.0)
    place_of = {"x": str(place * (_BAR + _GAP)), "y": f"{_HEIGHT - height:.1f}"}
    told = window.state if window.psi is None else f"PSI {window.psi:.3f}, {window.state}"
    return element(
        "rect",
        element("title", told),
        width=str(_BAR),
        height=f"{height:.1f}",
        style=f"fill:var(--{_COLOURS[window.state]})",
        **place_of,
    )

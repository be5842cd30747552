"""Building blocks that the page templates share: tables, panels and small drawings inside tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from training.pages.render import render_fragment

#: Values for one section of a page, by their names in its template.
Context = dict[str, object]

#: Number of characters after which a label in a heat map is cut off; its tooltip shows the full text.
_LABEL = 12
#: Sizes in a heat map, in SVG units: side of a cell with its gap, width of a character, space above the first row.
_CELL, _CHARACTER, _TOP = 10, 5, 4


@dataclass(frozen=True)
class Table:
    """A table, with its own scroll bars if it is too wide or too long for the page.

    Attributes:
        head: Column titles; the table has no head if all of them are empty.
        rows: Cells of each row. Text is escaped; `Markup` is inserted as it is.
        text_columns: Number of columns, from the left, that contain text. The others contain numbers, right-aligned.
        highlighted: Indices of the rows to emphasise.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    highlighted: Sequence[int] = ()


@dataclass(frozen=True)
class Panel:
    """A box in a grid: a title, a drawing or a table, and a note below."""

    title: str
    body: Markup | Table
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """A finding, as a sentence or two of plain text, and whether the reader has to act on it."""

    needs_action: bool
    text: str


def bar(share: float, colour: str) -> Markup:
    """Return a horizontal bar that fills a share of its cell.

    Args:
        share: Share to fill, clipped to [0, 1].
        colour: Name of a CSS colour variable on the page.
    """
    return render_fragment("bar.html.j2", percent=100 * min(max(share, 0.0), 1.0), colour=colour)


def heat_map(
    values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], tooltips: Sequence[Sequence[str]]
) -> Markup:
    """Return a grid of squares whose opacity grows with the absolute value, in one colour per sign.

    Args:
        values: Values (r, c) in [-1, 1].
        rows: Row names (r,), from the top.
        columns: Column names (c,), from the left.
        tooltips: Tooltip of each square, (r, c).
    """
    left = 8 + _CHARACTER * max((len(_cut(name)) for name in rows), default=0)
    bottom = _TOP + len(rows) * _CELL + 3
    longest = max((len(_cut(name)) for name in columns), default=0)
    return render_fragment(
        "heat_map.svg.j2",
        values=values.tolist(),
        rows=[(name, _cut(name)) for name in rows],
        columns=[(name, _cut(name)) for name in columns],
        tooltips=tooltips,
        cell=_CELL,
        top=_TOP,
        left=left,
        bottom=bottom,
        width=left + len(columns) * _CELL + 2,
        height=bottom + 4 + _CHARACTER * longest,
    )


def _cut(name: str) -> str:
    return name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"

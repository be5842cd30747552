"""Building blocks that the page templates share: tables, panels and small drawings inside tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from training.pages.render import render_fragment

#: Values of one section of a page, by the names that its template uses.
Context = dict[str, object]

#: Longest label of a heat map in characters; a longer one is cut, and its tooltip has all of it.
_LABEL = 12
#: Units of a heat map's drawing: side of a cell with its gap, width of a character, space above the first row.
_CELL, _CHARACTER, _TOP = 10, 5, 4


@dataclass(frozen=True)
class Table:
    """A table that scrolls on its own where it is too wide or too long for the page.

    Attributes:
        head: Column titles; the head is left out where all of them are empty.
        rows: Cells. Text is escaped, `Markup` is inserted as it is.
        text_columns: Number of columns, from the left, that hold text. The others hold numbers, aligned right.
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
    """A sentence or two about what stands out, as plain text, and whether the reader has to act on it."""

    needs_action: bool
    text: str


def bar(share: float, colour: str) -> Markup:
    """Return a horizontal bar that fills `share`, in [0, 1], of its cell.

    Args:
        share: Clipped to [0, 1].
        colour: Name of a colour variable of the page.
    """
    return render_fragment("bar.html.j2", percent=100 * min(max(share, 0.0), 1.0), colour=colour)


def heat_map(
    values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], tooltips: Sequence[Sequence[str]]
) -> Markup:
    """Return a grid of squares whose opacity grows with the absolute value, in one colour per sign.

    Args:
        values: (r, c) in [-1, 1].
        rows: Row names (r,), from the top.
        columns: Column names (c,), from the left.
        tooltips: (r, c) text shown when the pointer is over a square.
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

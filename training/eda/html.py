"""HTML made safely: whatever is not `Html` already is escaped."""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Markup, as opposed to text."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Html:
    """Make an element. Text among the children, and every attribute, is escaped.

    A trailing underscore keeps an attribute off Python's keywords, others become hyphens.

    >>> element("td", "a < b", class_="n")
    '<td class="n">a &lt; b</td>'
    """
    names = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    opening = "".join(f' {name}="{escape(value)}"' for name, value in names)
    return Html(f"<{tag}{opening}>{join(children)}</{tag}>")


def join(children: Iterable[str]) -> Html:
    """Put children beside one another, text escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1) -> Html:
    """Make a table that scrolls by itself where it is too wide or too long.

    Args:
        head: Column titles; left out where all are empty.
        rows: Cells, text or markup.
        text_columns: How many columns, from the left, hold text; the others hold numbers, set flush right.
    """
    body = [
        element("tr", *(element("td", cell, class_=_kind(i, text_columns)) for i, cell in enumerate(row)))
        for row in rows
    ]
    titles = [element("th", title, scope="col", class_=_kind(i, text_columns)) for i, title in enumerate(head)]
    header = element("thead", element("tr", *titles)) if any(head) else Html("")
    whole = element("table", header, element("tbody", *body))
    # Focusable, so that it can be scrolled with the keyboard.
    return element("div", whole, class_="scroll", tabindex="0")


def bar(share: float, colour: str) -> Html:
    """Make a bar as long as `share`, in [0, 1], of its cell; `colour` is a name out of the page's style."""
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    return element("span", element("i", style=f"width:{width};background:var(--{colour})"), class_="bar")


def card(title: str, body: Html, note: str = "") -> Html:
    """Make a card of the page's grid: a title, what it is about, a note below."""
    caption = element("figcaption", note) if note else Html("")
    return element("figure", element("h3", title), body, caption, class_="card")


def legend(first: str, second: str) -> Html:
    """Make the key to the two colours that all plots have."""
    keys = []
    for name, colour in ((first, "legit"), (second, "fraud")):
        keys += [element("i", style=f"background:var(--{colour})"), name]
    return element("p", *keys, class_="legend")


def _kind(column: int, text_columns: int) -> str:
    return "t" if column < text_columns else "n"

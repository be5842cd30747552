"""Draft a data file's description, guessed from column names and values, with the reason for each guess.

The draft is meant to be read and edited. A field that could not be guessed has a value that begins with `???`, which
is not the name of any column.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from training.data.column_summary import ColumnSummary, summarise_file
from training.data.leaks import MAX_UNIQUE_SHARE
from training.data.source import local_copy, shown_source

#: Prefix of the value of a field for which there is no suitable column.
UNKNOWN = "???"
#: Words looked for in column names, the most reliable first.
_LABEL = ("fraud", "chargeback", "label", "target", "class")
_TIME = ("timestamp", "datetime", "time", "date", "ts", "created", "dt")
_AMOUNT = ("amount", "amt", "price", "value", "total", "sum")
_CURRENCY = ("currency", "ccy", "curr")
_ID = ("transaction", "trans", "id", "uuid", "reference")
_CARD = ("card", "cc", "pan", "account", "customer", "client")
#: Matches any name.
_ANY = ("*",)
#: Integers in columns with these names are codes, whose order has no meaning.
_CODE = ("code", "mcc", "zip", "postcode", "type", "category", "merchant", "terminal", "device", "country", "id")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_PLAIN = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

Columns = dict[str, ColumnSummary]
Fits = Callable[[ColumnSummary], bool]


def draft_description(source: str | Path) -> str:
    """Return a draft of the description of a data file, as YAML with comments.

    Args:
        source: Path or fsspec URL of a Parquet or CSV file.

    Raises:
        DataError: If the file cannot be read.
    """
    shown = shown_source(source)
    with local_copy(source) as file:
        summary = summarise_file(file, shown)
    remaining = dict(summary.columns)
    lines = [
        f"# Columns of {shown}, guessed from its first {summary.rows:,} rows: check and correct them.",
        *_draft_label(remaining),
        *_draft_time(remaining),
        *_draft_amount(remaining),
        *_draft_currency(remaining),
        *_draft_id(remaining),
        *_draft_card(remaining),
    ]
    if summary.missing_marks:
        marks = ", ".join(json.dumps(mark) for mark in summary.missing_marks)
        lines.append(f"missing: [{marks}]  # found among numbers; they will mean missing in every column")
    lines.append("features:")
    lines += [_draft_feature(name, each) for name, each in remaining.items()]
    return "\n".join(lines) + "\n"


def _draft_label(remaining: Columns) -> Iterator[str]:
    name, reason = _take(remaining, _LABEL, lambda each: each.zero_one), "its name, and only 0 and 1"
    if name is None:
        name = _take(remaining, _ANY, lambda each: each.zero_one and each.distinct > 1)
        reason = "the first with only 0 and 1"
    yield _line("label", name, reason, "no column has only 0 and 1")


def _draft_time(remaining: Columns) -> Iterator[str]:
    before = dict(remaining)
    fitting: tuple[tuple[Sequence[str], Fits], ...] = (
        (_TIME, lambda each: each.kind == "time" and not each.missing),
        (_TIME, lambda each: each.epoch_unit is not None),
        (_ANY, lambda each: each.kind == "time" and not each.missing),
        (_TIME, lambda each: each.kind == "number" and not each.missing and each.minimum >= 0),
    )
    name = next((name for words, fits in fitting if (name := _take(remaining, words, fits)) is not None), None)
    yield "time:"
    yield "  " + _line("column", name, "its name and values", "no column looks like a time")
    summary = before.get(name or "")
    if summary is None or summary.kind == "time":
        yield "  unit: iso  # dates and times, in UTC unless they have a time zone"
    elif summary.epoch_unit:
        yield f"  unit: {summary.epoch_unit}  # numbers in the range of {summary.epoch_unit} since 1970"
    else:
        yield "  unit: s  # too small for a time since 1970; s or ms?"
        yield "  since: 1970-01-01T00:00:00Z  # which time is 0?"


def _draft_amount(remaining: Columns) -> Iterator[str]:
    before = dict(remaining)
    name = _take(remaining, _AMOUNT, lambda each: each.kind == "number" and not each.missing and each.minimum >= 0)
    yield "amount:"
    yield "  " + _line("column", name, "its name, and no negative values", "no column looks like an amount")
    if name is not None and before[name].integers:
        yield "  unit: minor  # integers; units if they are whole euros"
    else:
        yield "  unit: units  # fractions, so 12.34 and not 1234"


def _draft_currency(remaining: Columns) -> Iterator[str]:
    name = _take(remaining, _CURRENCY, lambda each: each.currency_codes and not each.missing)
    if name is None:
        yield "currency: EUR  # no column names it: is it euros?"
    else:
        yield f"currency: {{column: {_quoted(name)}}}  # its name, and three capital letters"


def _draft_id(remaining: Columns) -> Iterator[str]:
    def fits(each: ColumnSummary) -> bool:
        return each.like_a_key and each.distinct == each.rows

    name = _take(remaining, _ID, fits)
    if name is None:
        yield "# id: no column has a fitting name and a different value in every row, so row numbers are used"
    else:
        yield _line("id", name, "its name, and a different value in every row", "")


def _draft_card(remaining: Columns) -> Iterator[str]:
    name = _take(remaining, _CARD, lambda each: each.like_a_key and 1 < each.distinct < each.rows)
    if name is None:
        yield "# card: no column looks like one, so synthetic cards are used; topics need keys"
    else:
        yield _line("card", name, "its name, and values that repeat", "")


def _why_left_out(summary: ColumnSummary) -> str | None:
    key = summary.kind == "text" or (summary.kind == "number" and summary.integers)
    reasons = {
        "missing in every row": summary.kind == "missing",
        "neither numbers nor text": summary.kind == "nested",
        "a time, which a model would memorise": summary.kind == "time",
        "the same in every row": summary.distinct == 1 and not summary.missing,
        "a different value in nearly every row, like an id": key and summary.unique_share > MAX_UNIQUE_SHARE,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _draft_feature(name: str, summary: ColumnSummary) -> str:
    if reason := _why_left_out(summary):
        return f"  # {_quoted(name)} is left out: {reason}"
    missing = f", {summary.missing / summary.rows:.1%} missing" if summary.missing else ""
    if summary.kind == "text":
        return f"  {_quoted(name)}: categorical  # text, {summary.distinct:,} levels{missing}"
    if summary.integers and summary.maximum > 1 and _first_match(name, _CODE) is not None:
        return f"  {_quoted(name)}: categorical  # named like a code, {summary.distinct:,} levels{missing}"
    return f"  {_quoted(name)}: numeric  # numbers{missing}"


def _take(remaining: Columns, words: Sequence[str], fits: Fits) -> str | None:
    """Remove from `remaining` the suitable column whose name contains the earliest of `words`, and return its name."""
    fitting = {name: _first_match(name, words) for name, each in remaining.items() if fits(each)}
    matching = [(match, at, name) for at, (name, match) in enumerate(fitting.items()) if match is not None]
    if not matching:
        return None
    name = min(matching)[-1]
    del remaining[name]
    return name


def _first_match(name: str, words: Sequence[str]) -> int | None:
    """Return the index of the first of `words` that a column's name contains; 0 for `_ANY`.

    >>> _first_match("transDate", ("time", "date")), _first_match("is_fraud", ("fraud",))
    (1, 0)
    >>> _first_match("validated", ("date",)) is None
    True
    """
    separated = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    tokens = {*re.split(r"[^a-z]+", separated), *_ANY}
    return next((index for index, word in enumerate(words) if word in tokens), None)


def _line(key: str, name: str | None, reason: str, reason_for_none: str) -> str:
    return f"{key}: {_quoted(name)}  # {reason}" if name is not None else f'{key}: "{UNKNOWN} {reason_for_none}"'


def _quoted(name: str) -> str:
    """Return a column's name as it is written in YAML."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _NOT_PLAIN
    return name if plain else json.dumps(name, ensure_ascii=False)

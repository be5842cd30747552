"""A draft of a data file's description, guessed from names and values; each guess says why.

A draft is meant to be read: what could not be guessed begins with `???`, which no file has as a column.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from training.data.column_summary import ColumnSummary, summarise_file
from training.data.leaks import MAX_UNIQUE_SHARE
from training.data.source import local_copy, shown_source

#: Left where nothing fits.
UNKNOWN = "???"
#: Words in a column's name, the surest first.
_LABEL = ("fraud", "chargeback", "label", "target", "class")
_TIME = ("timestamp", "datetime", "time", "date", "ts", "created", "dt")
_AMOUNT = ("amount", "amt", "price", "value", "total", "sum")
_CURRENCY = ("currency", "ccy", "curr")
_ID = ("transaction", "trans", "id", "uuid", "reference")
_CARD = ("card", "cc", "pan", "account", "customer", "client")
#: Any name will do.
_ANY = ("*",)
#: Whole numbers under these names are codes, whose order means nothing.
_CODE = ("code", "mcc", "zip", "postcode", "type", "category", "merchant", "terminal", "device", "country", "id")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_PLAIN = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

Columns = dict[str, ColumnSummary]
Fits = Callable[[ColumnSummary], bool]


def draft_description(source: str | Path) -> str:
    """Return a draft of the description of a Parquet or CSV file, at a path or fsspec URL, as YAML with comments.

    Raises:
        DataError: If the file cannot be read.
    """
    shown = shown_source(source)
    with local_copy(source) as file:
        facts = summarise_file(file, shown)
    left = dict(facts.columns)
    lines = [
        f"# The columns of {shown}, guessed from its first {facts.rows:,} rows: read this and mend it.",
        *_draft_label(left),
        *_draft_time(left),
        *_draft_amount(left),
        *_draft_currency(left),
        *_draft_id(left),
        *_draft_card(left),
    ]
    if facts.missing_marks:
        marks = ", ".join(json.dumps(mark) for mark in facts.missing_marks)
        lines.append(f"missing: [{marks}]  # stand among numbers; they mean missing in every column then")
    lines.append("features:")
    lines += [_draft_feature(name, each) for name, each in left.items()]
    return "\n".join(lines) + "\n"


def _draft_label(left: Columns) -> Iterator[str]:
    name, why = _take(left, _LABEL, lambda each: each.zero_one), "0 and 1 only, and its name"
    if name is None:
        name, why = _take(left, _ANY, lambda each: each.zero_one and each.distinct > 1), "the first with 0 and 1 only"
    yield _line("label", name, why, "no column holds 0 and 1 only")


def _draft_time(left: Columns) -> Iterator[str]:
    there = dict(left)
    fitting: tuple[tuple[Sequence[str], Fits], ...] = (
        (_TIME, lambda each: each.kind == "time" and not each.missing),
        (_TIME, lambda each: each.epoch_unit is not None),
        (_ANY, lambda each: each.kind == "time" and not each.missing),
        (_TIME, lambda each: each.kind == "number" and not each.missing and each.least >= 0),
    )
    name = next((name for words, fits in fitting if (name := _take(left, words, fits)) is not None), None)
    yield "time:"
    yield "  " + _line("column", name, "its name and values", "no column looks like a time")
    facts = there.get(name or "")
    if facts is None or facts.kind == "time":
        yield "  unit: iso  # dates and times; UTC where they name no zone"
    elif facts.epoch_unit:
        yield f"  unit: {facts.epoch_unit}  # numbers in the range of {facts.epoch_unit} since 1970"
    else:
        yield "  unit: s  # too small for a time since 1970; s or ms?"
        yield "  since: 1970-01-01T00:00:00Z  # what does 0 stand for?"


def _draft_amount(left: Columns) -> Iterator[str]:
    there = dict(left)
    name = _take(left, _AMOUNT, lambda each: each.kind == "number" and not each.missing and each.least >= 0)
    yield "amount:"
    yield "  " + _line("column", name, "its name, and nothing negative", "no column looks like an amount")
    if name is not None and there[name].whole:
        yield "  unit: minor  # whole numbers; units if they are whole euros"
    else:
        yield "  unit: units  # fractions, so 12.34 and not 1234"


def _draft_currency(left: Columns) -> Iterator[str]:
    name = _take(left, _CURRENCY, lambda each: each.currency_codes and not each.missing)
    if name is None:
        yield "currency: EUR  # no column names it: is it euros?"
    else:
        yield f"currency: {{column: {_quoted(name)}}}  # three capital letters, and its name"


def _draft_id(left: Columns) -> Iterator[str]:
    def fits(each: ColumnSummary) -> bool:
        return each.like_a_key and each.distinct == each.rows

    name = _take(left, _ID, fits)
    if name is None:
        yield "# id: no column has another value in every row and a fitting name, so row numbers are the ids"
    else:
        yield _line("id", name, "another value in every row, and its name", "")


def _draft_card(left: Columns) -> Iterator[str]:
    name = _take(left, _CARD, lambda each: each.like_a_key and 1 < each.distinct < each.rows)
    if name is None:
        yield "# card: no column looks like one, so cards are made up; topics need keys"
    else:
        yield _line("card", name, "values that repeat, and its name", "")


def _why_left_out(facts: ColumnSummary) -> str | None:
    key = facts.kind == "text" or (facts.kind == "number" and facts.whole)
    reasons = {
        "missing in every row": facts.kind == "missing",
        "neither a number nor text": facts.kind == "nested",
        "a time, which a model would learn by heart": facts.kind == "time",
        "the same in every row": facts.distinct == 1 and not facts.missing,
        "another value in nearly every row, like an id": key and facts.unique_share > MAX_UNIQUE_SHARE,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _draft_feature(name: str, facts: ColumnSummary) -> str:
    if reason := _why_left_out(facts):
        return f"  # {_quoted(name)} is left out: {reason}"
    missing = f", {facts.missing / facts.rows:.1%} missing" if facts.missing else ""
    if facts.kind == "text":
        return f"  {_quoted(name)}: categorical  # text, {facts.distinct:,} levels{missing}"
    if facts.whole and facts.most > 1 and _place(name, _CODE) is not None:
        return f"  {_quoted(name)}: categorical  # named like a code, {facts.distinct:,} levels{missing}"
    return f"  {_quoted(name)}: numeric  # numbers{missing}"


def _take(left: Columns, words: Sequence[str], fits: Fits) -> str | None:
    """Take the fitting column whose name has the surest of `words` out of `left`; with `_ANY`, the first."""
    fitting = {name: _place(name, words) for name, each in left.items() if fits(each)}
    named = [(place, at, name) for at, (name, place) in enumerate(fitting.items()) if place is not None]
    if not named:
        return None
    found = min(named)[-1]
    del left[found]
    return found


def _place(name: str, words: Sequence[str]) -> int | None:
    """Return the index of the first of `words` in a column's name; of `_ANY`, 0.

    >>> _place("transDate", ("time", "date")), _place("is_fraud", ("fraud",)), _place("validated", ("date",))
    (1, 0, None)
    """
    there = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    tokens = {*re.split(r"[^a-z]+", there), *_ANY}
    return next((place for place, word in enumerate(words) if word in tokens), None)


def _line(key: str, name: str | None, why: str, why_not: str) -> str:
    return f"{key}: {_quoted(name)}  # {why}" if name is not None else f'{key}: "{UNKNOWN} {why_not}"'


def _quoted(name: str) -> str:
    """Return a column's name as YAML reads it back."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _NOT_PLAIN
    return name if plain else json.dumps(name, ensure_ascii=False)

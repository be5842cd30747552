"""The comparison as one HTML page: every entry, the chosen one beside the champion, plots. It loads nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from schemas.manifest import Metric
from training.study.selection import choose, rank
from training.study.leaderboard import CHOSEN, LEGEND, cells, marks
from training.study.paired import interval, signed
from training.study.entry_record import MEMBERS, EntryRecord
from training.study.svg import cost_plot, fold_plot
from training.study.test_evaluation import Look

_STYLE = """
:root { color-scheme: light dark; --text: #1d2430; --soft: #5c6675; --line: #d8dde5; --back: #ffffff; --mark: #b3261e;
  --dot: #3c6fb4; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ee; --soft: #9aa5b5; --line: #343c49; --back: #14181f;
  --mark: #ff8a7d; --dot: #7fb0f2; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th { color: var(--soft); font-weight: 600; }
th.text, td.text { text-align: left; }
tr.chosen td { color: var(--mark); font-weight: 600; }
.scroll { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt, p.note { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg text.chosen { fill: var(--mark); }
svg .grid { stroke: var(--line); } svg .dot { fill: var(--dot); fill-opacity: .55; }
svg .dot.chosen, svg .mean.chosen { fill: var(--mark); } svg .mean { fill: var(--dot); }
"""
_FIGURE_COLUMNS = ("figure", "chosen", "champion", "difference")


@dataclass(frozen=True)
class Comparison:
    """What the page shows."""

    study: str
    #: What it was run on and with, by name, as it stands at the page's head.
    facts: Mapping[str, str]
    records: Sequence[EntryRecord]
    #: Entries that are not there, and why.
    left_out: Mapping[str, str]
    #: The champion in words, and its difference on the folds where it was scored on the same ones.
    champion: str
    on_folds: Metric | None
    #: The last look at the test part, if there was one.
    look: Look | None
    #: Leaks that were found and accepted, with what was seen.
    accepted: Mapping[str, str]


def page(comparison: Comparison) -> str:
    """Write the page."""
    chosen = choose(comparison.records)
    title = f"Study {comparison.study}"
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            _facts(comparison.facts),
            "<h2>All entries</h2>",
            f'<p class="note">{escape(LEGEND)}</p>',
            _entries(comparison.records),
            _parameters(comparison.records),
            _list("Left out:", comparison.left_out),
            _list("Leaks that were found and accepted, so read the figures with care:", comparison.accepted),
            "<h2>On each fold</h2>",
            fold_plot(comparison.records),
            "<h2>What it costs</h2>",
            cost_plot(comparison.records),
            "<h2>Beside the champion</h2>",
            _beside(chosen, comparison),
            "<h2>On the test part</h2>",
            _tested(comparison.look),
            "</body></html>\n",
        )
    )


def _facts(facts: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items()) + "</dl>"


def _entries(records: Sequence[EntryRecord]) -> str:
    mark = marks(records)
    rows = (cells(record, mark) for record in rank(records))
    columns = ("", "family", "treatment", "PR-AUC", "± s.e.", "worst fold", "µs/row", "trials", "legitimate", "seconds")
    return _table(columns, rows, text={0, 1, 2}, strong=CHOSEN)


def _parameters(records: Sequence[EntryRecord]) -> str:
    lines = (f"<dt>{escape(record.key)}</dt><dd>{escape(_fitted_with(record))}</dd>" for record in rank(records))
    return f"<details><summary>What each was fitted with</summary><dl>{''.join(lines)}</dl></details>"


def _fitted_with(record: EntryRecord) -> str:
    if members := record.params.get(MEMBERS):
        return "over " + ", ".join(f"{member['family']}/{member['treatment']}" for member in members)
    return ", ".join(f"{name} {_short(value)}" for name, value in record.params.items())


def _list(head: str, given: Mapping[str, str]) -> str:
    if not given:
        return ""
    items = "".join(f"<li>{escape(key)}: {escape(why)}</li>" for key, why in given.items())
    return f"<p>{escape(head)}</p><ul>{items}</ul>"


def _beside(chosen: EntryRecord, comparison: Comparison) -> str:
    lines = [f"<p>Chosen: {escape(chosen.key)}. Champion: {escape(comparison.champion)}.</p>"]
    if comparison.on_folds is not None:
        lines.append(f"<p>PR-AUC on the folds, chosen less champion, paired: {signed(comparison.on_folds)}.</p>")
    return "\n".join(lines)


def _tested(look: Look | None) -> str:
    if look is None:
        return "<p>Nobody has looked yet. <code>fraud-train evaluate --final</code> does, once.</p>"
    when = datetime.fromtimestamp(look.looked_at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    champion = look.champion.metrics if look.champion else {}
    rows = (
        (
            name,
            interval(metric),
            interval(champion[name]) if name in champion else "-",
            signed(look.differences[name]) if name in look.differences else "-",
        )
        for name, metric in look.selected.metrics.items()
    )
    names = f"{look.selected.name} beside {look.champion.name}" if look.champion else f"{look.selected.name} alone"
    return f"<p>Look {look.number}, {when}: {escape(names)}.</p>" + _table(_FIGURE_COLUMNS, rows, text={0})


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], text: set[int], strong: str = "") -> str:
    kinds = [' class="text"' if column in text else "" for column in range(len(columns))]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, columns, strict=True))
    body = []
    for row in rows:
        kind = ' class="chosen"' if strong and row[0] == strong else ""
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        body.append(f"<tr{kind}>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

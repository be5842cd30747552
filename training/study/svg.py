"""The page's plots as inline SVG: drawn in the page's own colours, so they follow light and dark."""

import math
from collections.abc import Sequence
from html import escape

from training.study.choose import choose, rank
from training.study.record import EntryRecord

_WIDTH = 720
_LEFT, _RIGHT, _ROW = 210, 30, 22
_HEIGHT, _MARGIN = 320, 46
#: Microseconds; a logarithm needs something.
_LEAST_COST = 1e-3
#: Share of the axis left free on each side.
_AIR = 0.05


def fold_plot(records: Sequence[EntryRecord]) -> str:
    """Draw one row an entry, best first: a dot a fold, a bar at the mean."""
    ranked = rank(records)
    low, high = _span([value for record in ranked for value in record.by_fold.tolist()])
    chosen = choose(records).key
    height = _ROW * len(ranked) + 40
    rows = (_fold_row(record, _ROW * row + 16, low, high, _kind(record, chosen)) for row, record in enumerate(ranked))
    axis = (_text(_across(tick, low, high), height - 8, f"{tick:.2f}") for tick in _ticks(low, high))
    return "".join((_open(height, "PR-AUC on each fold, and its mean"), *rows, *axis, "</svg>"))


def cost_plot(records: Sequence[EntryRecord]) -> str:
    """Draw PR-AUC over cost a row, the cost on a logarithmic axis: the upper left is where to be."""
    low, high = _span([record.mean for record in records])
    left, right = _span([_log_cost(record) for record in records])
    chosen = choose(records).key
    floor = _HEIGHT - _MARGIN
    parts = [_open(_HEIGHT, "mean PR-AUC over microseconds a row")]
    for tick in _ticks(low, high):
        y = _up(tick, low, high)
        parts += [_text(_LEFT - 12, y + 4, f"{tick:.2f}", anchor="end"), _line(y)]
    parts += [_text(_across(tick, left, right), floor + 18, f"{10**tick:.2g}") for tick in _ticks(left, right)]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, "µs a row"))
    for record in records:
        x, y, kind = _across(_log_cost(record), left, right), _up(record.mean, low, high), _kind(record, chosen)
        parts.append(_dot(x, y, 5, kind, f"{record.key}: {record.mean:.4f} at {record.cost_us:.2f} µs"))
        if record.key == chosen:
            parts.append(_text(x, y - 10, record.key, kind=kind))
    return "".join((*parts, _line(floor), "</svg>"))


def _fold_row(record: EntryRecord, y: float, low: float, high: float, kind: str) -> str:
    dots = (
        _dot(_across(value, low, high), y, 3.5, kind, f"fold {fold}: {value:.4f}")
        for fold, value in enumerate(record.by_fold.tolist(), start=1)
    )
    name = _text(_LEFT - 12, y + 4, record.key, anchor="end", kind=kind)
    x = _across(record.mean, low, high) - 1.5
    mean = f'<rect x="{x:.1f}" y="{y - 8:.1f}" width="3" height="16" class="mean {kind}"/>'
    return "".join((name, _line(y), *dots, mean))


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "plain") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _line(y: float) -> str:
    return f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'


def _dot(x: float, y: float, radius: float, kind: str, title: str) -> str:
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="dot {kind}">'
    return f"{dot}<title>{escape(title)}</title></circle>"


def _kind(record: EntryRecord, chosen: str) -> str:
    return "chosen" if record.key == chosen else "plain"


def _log_cost(record: EntryRecord) -> float:
    return math.log10(max(record.cost_us, _LEAST_COST))


def _up(value: float, low: float, high: float) -> float:
    floor = _HEIGHT - _MARGIN
    return floor - (value - low) / (high - low) * (floor - 14)


def _open(height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return the axis' ends: all values with some air, never of no width."""
    low, high = min(values), max(values)
    air = (high - low) * _AIR or 0.01
    return low - air, high + air


def _across(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low) * (_WIDTH - _RIGHT - _LEFT)


def _ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers between the ends, about as many as wanted.

    >>> _ticks(0.61, 0.87)
    [0.65, 0.7, 0.75, 0.8, 0.85]
    """
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda size: abs(size - rough))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(number * step, 10) for number in range(first, last + 1)]

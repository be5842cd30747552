"""Sequence diagrams as SVG: lanes side by side, and the steps between them from top to bottom.

The pictures need no script and no font from elsewhere, and they follow the reader's light or dark mode.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: Distance between lanes, height of a line of text, and average width of a character, in pixels.
_LANE, _LINE, _CHARACTER = 168, 16, 6.8
#: Distance from the top to the lanes' names, and below the last step.
_TOP, _BOTTOM = 30, 16

_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f; text-anchor: middle }
.name { font-weight: 600 } .box { fill: #ddf4ff; stroke: #54aeff }
.lane { stroke: #afb8c1; stroke-dasharray: 3 4 } .arrow { stroke: #24292f; fill: none } .tip { fill: #24292f }
.note { fill: #fff8c5; stroke: #d4a72c }
.label { paint-order: stroke; stroke: #fff; stroke-width: 5px; stroke-linejoin: round }
.page { fill: #fff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .box { fill: #0c2d6b; stroke: #388bfd } .lane { stroke: #57606a }
.arrow { stroke: #e6edf3 } .tip { fill: #e6edf3 } .note { fill: #4b3a0b; stroke: #bb8009 }
.label { stroke: #0d1117 } .page { fill: #0d1117 }
}"""

_TIP = (
    '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
    '<path class="tip" d="M0,0 L8,4 L0,8 z"/></marker></defs>'
)


@dataclass(frozen=True)
class Step:
    """A message from one lane to another, or a note on one lane.

    Attributes:
        source: Lane that the step begins at.
        target: Lane that the step ends at; the same lane for a note.
        text: What is sent or done.
    """

    source: str
    target: str
    text: str


def render(title: str, lanes: Sequence[str], steps: Sequence[Step]) -> str:
    """Return a diagram as the text of an SVG file.

    Args:
        title: Description of the picture for screen readers.
        lanes: Names of the lanes, from left to right.
        steps: Steps from top to bottom.
    """
    x = {lane: _LANE // 2 + index * _LANE for index, lane in enumerate(lanes)}
    y, drawn = _TOP + 34, []
    for step in steps:
        shapes, height = _note(step, x, y) if step.source == step.target else _message(step, x, y)
        drawn += shapes
        y += height
    width, height = _LANE * len(lanes), y + _BOTTOM
    elements = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        _TIP,
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for lane, centre in x.items():
        elements += [
            f'<line class="lane" x1="{centre}" y1="{_TOP + 14}" x2="{centre}" y2="{height - 6}"/>',
            f'<rect class="box" x="{centre - 76}" y="{_TOP - 20}" width="152" height="30" rx="4"/>',
            f'<text class="name" x="{centre}" y="{_TOP - 1}">{escape(lane)}</text>',
        ]
    return "\n".join([*elements, *drawn, "</svg>"]) + "\n"


def _message(step: Step, x: dict[str, int], y: int) -> tuple[list[str], int]:
    start, end = x[step.source], x[step.target]
    lines = textwrap.wrap(step.text, int((abs(end - start) - 12) / _CHARACTER))
    below = y + _LINE * len(lines)
    return [
        *_text(lines, (start + end) // 2, y + 6, "label"),
        f'<line class="arrow" x1="{start}" y1="{below}" x2="{end}" y2="{below}" marker-end="url(#tip)"/>',
    ], _LINE * len(lines) + 14


def _note(step: Step, x: dict[str, int], y: int) -> tuple[list[str], int]:
    lines = textwrap.wrap(step.text, int((_LANE - 20) / _CHARACTER))
    height = _LINE * len(lines) + 8
    left = x[step.source] - _LANE // 2 + 6
    box = f'<rect class="note" x="{left}" y="{y - 8}" width="{_LANE - 12}" height="{height}" rx="3"/>'
    return [box, *_text(lines, x[step.source], y + 6, "inside")], height + 8


def _text(lines: Sequence[str], x: int, y: int, kind: str) -> list[str]:
    return [f'<text class="{kind}" x="{x}" y="{y + _LINE * n}">{escape(line)}</text>' for n, line in enumerate(lines)]

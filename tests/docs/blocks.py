"""Fenced blocks of Markdown pages, and the commands in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"(?:^<!-- (?P<kind>not run|background|file|fails): (?P<argument>.+?) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Command:
    """A command and the lines of output that the page shows for it."""

    text: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: File that contains the block.
        line: Number of the block's first line.
        language: Language of the block; `console` for commands.
        text: Text between the fences.
        kind: `not run`, `background`, `file` or `fails`; empty without a comment above the block.
        argument: The comment's reason, text, file name or exit code.
    """

    page: Path
    line: int
    language: str
    text: str
    kind: str
    argument: str

    def commands(self) -> list[Command]:
        """Return the commands in a console block. A backslash at the end of a line continues the command."""
        commands: list[Command] = []
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            end = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
            commands.append(Command("\n".join(lines[: end + 1]), tuple(filter(str.strip, lines[end + 1 :]))))
        return commands


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, from top to bottom."""
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(page, line, match["language"], match["text"], match["kind"] or "", match["argument"] or "")


def shows(expected: tuple[str, ...], output: str) -> str | None:
    r"""Return the first expected line that is not in the output after the lines before it; None if all are.

    >>> shows(("Kafka …", "2 alerts"), "Kafka is up\n17 alerts\n") is None
    True
    >>> shows(("b", "a"), "a\nb\n")
    'a'
    """
    lines = iter(output.splitlines())
    for wanted in expected:
        pattern = ".*".join(re.escape(_without_numbers(part)) for part in wanted.split("…"))
        if not any(re.fullmatch(pattern, _without_numbers(line)) for line in lines):
            return wanted
    return None


def _without_numbers(line: str) -> str:
    """Return a line with each number, date or hash replaced, and with single spaces and short rules.

    >>> _without_numbers("epoch 12  p99 9.7 ms  3fa4c1be ━━━━┓")
    'epoch # p# # ms # ━┓'
    """
    hashes = re.sub(r"\b(?=\w*\d)[0-9a-f]{6,}\b", "#", line)
    numbers = re.sub(r"\d(?:[\d.,:-]*\d)?(?:e-?\d+)?", "#", hashes)
    return re.sub(r"([━─])+", r"\1", re.sub(r"\s+", " ", numbers)).strip()

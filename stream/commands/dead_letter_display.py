"""Shows dead letters as a table, as JSON lines or in full."""

import heapq
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from schemas.errors import DeadLetterReason
from stream.commands.formatting import printable, utc_time
from stream.commands.time_param import LAST_MS
from stream.kafka.dead_letter_plan import ReplayRules, SkipReason, skip_reason
from stream.kafka.dead_letter_reader import MessageIdentity, StoredDeadLetter

State = Literal["open", "replayed", "truncated", "empty", "given-up", "output"]
#: State of a message that is not sent again.
STATES: Mapping[SkipReason, State] = {
    SkipReason.REPLAYED: "replayed",
    SkipReason.TRUNCATED: "truncated",
    SkipReason.EMPTY: "empty",
    SkipReason.MAX_REPLAYS: "given-up",
    SkipReason.TOPIC: "output",
}
HEADER = ("ID", "REJECTED", "REASON", "SOURCE", "BYTES", "REPLAYS", "STATE")


class ListedDeadLetter(Struct, frozen=True):
    """A dead letter without the message's key, its value and the detail: nothing that identifies a card."""

    id: str
    refused_at_ms: int
    reason: DeadLetterReason
    source_topic: str
    source_partition: int
    source_offset: int
    value_size: int
    replays: int
    state: State


def newest_dead_letters(
    dead_letters: Iterable[StoredDeadLetter],
    replayed: Container[MessageIdentity],
    rules: ReplayRules,
    limit: int,
) -> tuple[list[ListedDeadLetter], Counter[DeadLetterReason]]:
    """Return the newest dead letters, newest last, and the number of all of them by reason.

    Args:
        dead_letters: Dead letters in any order.
        replayed: Messages that were sent again.
        rules: Rules for sending messages again, which determine the state.
        limit: Maximum number to return.
    """
    counts: Counter[DeadLetterReason] = Counter()

    def listed() -> Iterator[tuple[int, int, int, ListedDeadLetter]]:
        for each in dead_letters:
            content = each.content
            counts[content.reason] += 1
            yield (
                content.refused_at_ms,
                each.partition,
                each.offset,
                ListedDeadLetter(
                    each.id,
                    content.refused_at_ms,
                    content.reason,
                    content.source_topic,
                    content.source_partition,
                    content.source_offset,
                    content.value_size,
                    content.replays,
                    _state(each, replayed, rules),
                ),
            )

    newest = heapq.nlargest(limit, listed(), key=lambda row: row[:3])
    return [row for *_, row in reversed(newest)], counts


def table(dead_letters: Sequence[ListedDeadLetter]) -> list[str]:
    """Return the lines of a table, which are complete whatever the terminal's width."""
    rows = [
        (
            each.id,
            _time(each.refused_at_ms),
            each.reason.value,
            _source(each.source_topic, each.source_partition, each.source_offset),
            f"{each.value_size:,}",
            str(each.replays),
            each.state,
        )
        for each in dead_letters
    ]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (HEADER, *rows)
    ]


def totals(counts: Mapping[DeadLetterReason, int]) -> str:
    """Return the counts by reason as text, most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {reason.value}" for reason, count in ordered)


def full(dead_letter: StoredDeadLetter, replayed: Mapping[MessageIdentity, int], rules: ReplayRules) -> list[str]:
    """Return the lines that show a dead letter with its message, safe to print on a terminal."""
    content = dead_letter.content
    state: str = _state(dead_letter, replayed, rules)
    if state == "replayed":
        state = f"replayed at {_time(replayed[dead_letter.message])}"
    fields = {
        "id": dead_letter.id,
        "rejected": _time(content.refused_at_ms),
        "reason": content.reason.value,
        "detail": _line(content.detail.encode()),
        "source": _source(content.source_topic, content.source_partition, content.source_offset),
        "key": "none" if content.key is None else _line(content.key),
        "size": f"{content.value_size:,} bytes",
        "sha256": content.value_sha256,
        "replays": str(content.replays),
        "state": state,
    }
    lines = [f"{name:<9} {value}" for name, value in fields.items()]
    if not content.value:
        return [*lines, f"message   {'none' if content.value is None else 'zero bytes'}"]
    kept = len(content.value)
    heading = "message" if kept == content.value_size else f"message, its first {kept:,} bytes"
    return [*lines, f"{heading}:", *(f"  {line}" for line in printable(content.value).split("\n"))]


def _state(dead_letter: StoredDeadLetter, replayed: Container[MessageIdentity], rules: ReplayRules) -> State:
    reason = skip_reason(dead_letter, replayed, rules)
    return "open" if reason is None else STATES[reason]


def _time(ms: int) -> str:
    return utc_time(min(max(ms, 0), LAST_MS))


def _source(topic: str, partition: int, offset: int) -> str:
    return f"{_line(topic.encode())}/{partition}/{offset}"


def _line(raw: bytes) -> str:
    return printable(raw).replace("\n", "\\n")

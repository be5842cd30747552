"""`fraud-stream dead-letters`: lists rejected messages, shows one, and sends messages again."""

import sys
from collections.abc import Callable
from typing import Any

import click
import msgspec
from rich.console import Console

from schemas.errors import DeadLetterReason
from stream.commands.command_line import examples
from stream.commands.dead_letter_display import full, newest_dead_letters, table, totals
from stream.commands.formatting import counted
from stream.commands.time_param import TimeParam
from stream.kafka.dead_letter_plan import ReplayPlan, ReplayRules, plan_replay
from stream.kafka.dead_letter_reader import DeadLetterFilter, read_dead_letter, read_dead_letters, read_replays
from stream.kafka.dead_letter_replay import replay_dead_letters
from stream.kafka.topic_range import TopicRange
from stream.settings import TopicSettings, read_settings

#: Largest Kafka offset.
MAX_OFFSET = 2**63 - 1


class IdParam(click.ParamType):
    """`PARTITION/OFFSET` of a dead letter."""

    name = "ID"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse `PARTITION/OFFSET`; return both numbers."""
        partition, _, offset = value.partition("/")
        if not all(each.isascii() and each.isdecimal() for each in (partition, offset)):
            self.fail(f"{value!r} is not PARTITION/OFFSET; `fraud-stream dead-letters list` prints ids", param, ctx)
        if int(partition) >= 2**31 or int(offset) > MAX_OFFSET:
            self.fail(f"{value!r} is larger than any id", param, ctx)
        return int(partition), int(offset)


def _selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--topic", help="Topic that the message was read from.  [default: all]"),
        click.option(
            "--to", "end", type=TimeParam(), help="End of the rejection times, exclusive.  [default: the newest]"
        ),
        click.option("--from", "start", type=TimeParam(), help="Start of the rejection times.  [default: the oldest]"),
        click.option(
            "--reason",
            "reasons",
            multiple=True,
            type=click.Choice([reason.value for reason in DeadLetterReason]),
            metavar="REASON",
            help="Reason for the rejection, such as missing_feature; may be given several times.  [default: all]",
        ),
    ):
        command = option(command)
    return command


@click.group(
    name="dead-letters",
    epilog=examples(
        "fraud-stream dead-letters list --reason missing_feature --from 2026-11-24",
        "fraud-stream dead-letters show 3/128",
        "fraud-stream dead-letters replay --reason missing_feature --dry-run",
    ),
)
def dead_letters() -> None:
    """List rejected messages, show one, or send messages again."""


@dead_letters.command(
    name="list",
    epilog=examples(
        "fraud-stream dead-letters list",
        "fraud-stream dead-letters list --topic labels --json | jq .id",
    ),
)
@_selection_options
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Number of dead letters to print, the newest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and no counts.")
def list_command(
    *, reasons: tuple[str, ...], start: int | None, end: int | None, topic: str | None, limit: int, as_json: bool
) -> None:
    """List dead letters, the newest last, and count them by reason.

    The list contains nothing of the messages themselves. STATE is `open` if `replay` sends the message,
    `replayed` if it has been sent again, `truncated` if it was too large to be kept, `empty` if there is nothing to
    send, `given-up` if it was rejected again and is sent only with --max-replays, and `output` if it comes from a topic
    that --topic must name. REPLAYS is the number of times that the message had been sent again before it was rejected.
    TIME is ISO 8601, or milliseconds since 1970 with 13 digits, in UTC.
    """
    settings = read_settings()
    selection = _selection(reasons, start, end, topic)
    unreadable: list[str] = []
    replayed = read_replays(settings.kafka, settings.topic)
    matching = read_dead_letters(settings.kafka, settings.topic, selection, unreadable.append)
    newest, counts = newest_dead_letters(matching, replayed, _default_rules(settings.topic), limit)
    _warn_unreadable(unreadable, settings.topic)
    if as_json:
        for each in newest:
            click.echo(msgspec.json.encode(each))
        return
    if not newest:
        click.echo("no dead letters")
        return
    for line in table(newest):
        click.echo(line)
    shown = f"; only the newest are shown (--limit {limit})" if counts.total() > limit else ""
    click.echo(f"\n{counted(counts.total(), 'dead letter')}: {totals(counts)}{shown}")


@dead_letters.command(
    name="show",
    epilog=examples(
        "fraud-stream dead-letters show 3/128",
        "fraud-stream dead-letters show 3/128 --raw > message.json",
    ),
)
@click.argument("dead_letter_id", metavar="ID", type=IdParam())
@click.option("--raw", is_flag=True, help="Write only the message, byte for byte, to a file or another program.")
def show_command(dead_letter_id: tuple[int, int], *, raw: bool) -> None:
    """Show one dead letter, with the rejected message.

    `list` prints the IDs. The message may contain card data, which this command prints and `list` does not. Characters
    that could control the terminal, and bytes that are not UTF-8, are escaped.
    """
    settings = read_settings()
    if raw and sys.stdout.isatty():
        raise click.UsageError(
            "--raw does not escape anything, so it refuses to write to a terminal; redirect the output to a file"
        )
    dead_letter = read_dead_letter(settings.kafka, settings.topic, *dead_letter_id)
    if raw:
        click.echo(dead_letter.content.value or b"", nl=False)
        return
    replayed = read_replays(settings.kafka, settings.topic)
    for line in full(dead_letter, replayed, _default_rules(settings.topic)):
        click.echo(line)


@dead_letters.command(
    name="replay",
    epilog=examples(
        "fraud-stream dead-letters replay --dry-run",
        "fraud-stream dead-letters replay --reason missing_feature --from 2026-11-24 --limit 100",
        "fraud-stream dead-letters replay --topic labels --yes",
    ),
)
@_selection_options
@click.option("--limit", type=click.IntRange(1), help="Number of messages to send, the oldest first.  [default: all]")
@click.option(
    "--max-replays",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of times that the same message may be sent again in total.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be sent.")
@click.option("--yes", is_flag=True, help="Send without asking for confirmation.")
def replay_command(
    *,
    reasons: tuple[str, ...],
    start: int | None,
    end: int | None,
    topic: str | None,
    limit: int | None,
    max_replays: int,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send rejected messages to their topics again.

    A message keeps its key and its bytes. Each dead letter's message is sent at most once, however often this command
    runs, even after a crash. A message that is rejected again gets a new dead letter, which is sent only if
    --max-replays allows more than one replay.

    Only transactions and labels are sent, because programs other than the one that rejected a message read it again
    too. Name decisions or shadow-scores with --topic to send those. TIME is ISO 8601, or
    milliseconds since 1970 with 13 digits, in UTC.
    """
    settings = read_settings()
    selection = _selection(reasons, start, end, topic)
    rules = ReplayRules(_replay_topics(settings.topic, topic), max_replays, limit)
    unreadable: list[str] = []
    matching = read_dead_letters(settings.kafka, settings.topic, selection, unreadable.append)
    plan = plan_replay(matching, read_replays(settings.kafka, settings.topic), rules)
    _warn_unreadable(unreadable, settings.topic)
    _print_plan(plan)
    if dry_run or not plan.chosen:
        return
    if not yes and not _confirmed(len(plan.chosen)):
        click.echo("nothing was sent")
        raise click.exceptions.Exit(1)
    with Console(stderr=True).status("sending") as status:
        sent = replay_dead_letters(
            settings.kafka,
            settings.topic,
            selection,
            plan,
            lambda count: status.update(f"{counted(count, 'message')} sent"),
        )
    click.echo(f"{counted(sent, 'message')} sent again")


def _selection(reasons: tuple[str, ...], start: int | None, end: int | None, topic: str | None) -> DeadLetterFilter:
    if start is not None and end is not None and start >= end:
        raise click.UsageError("--from must be before --to")
    return DeadLetterFilter(TopicRange(start, end), frozenset(map(DeadLetterReason, reasons)), topic)


def _default_rules(topics: TopicSettings) -> ReplayRules:
    return ReplayRules(_replay_topics(topics, None))


def _replay_topics(topics: TopicSettings, topic: str | None) -> frozenset[str]:
    inputs = (topics.transactions, topics.labels)
    if topic is None:
        return frozenset(inputs)
    allowed = (*inputs, topics.decisions, topics.shadow_scores)
    if topic == topics.model_updates:
        raise click.UsageError("roles are not sent again; assign them with `fraud-stream models set`")
    if topic not in allowed:
        raise click.UsageError(f"nothing is sent again to {topic!r}; --topic is one of {', '.join(allowed)}")
    return frozenset({topic})


def _print_plan(plan: ReplayPlan) -> None:
    for topic in sorted({topic for topic, _ in plan.counts}):
        counts = {reason: count for (each, reason), count in plan.counts.items() if each == topic}
        click.echo(f"to send to {topic}: {totals(counts)}")
    if not plan.chosen:
        click.echo("no messages to send again")
    if plan.later:
        click.echo(f"left for another run by --limit: {plan.later:,}")
    for skip, count in sorted(plan.skipped.items()):
        click.echo(f"skipped {count:,}: {skip.value}")


def _confirmed(count: int) -> bool:
    try:
        return click.confirm(f"Send {counted(count, 'message')} again?")
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError("nothing was sent: there is no terminal to confirm on; add --yes") from None


def _warn_unreadable(ids: list[str], topics: TopicSettings) -> None:
    if ids:
        click.echo(
            f"ignored {counted(len(ids), 'message')} on {topics.dead_letters} that this version cannot read as a dead "
            f"letter, the first at {ids[0]}",
            err=True,
        )

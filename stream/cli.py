"""`fraud-stream`: the command line of the stream."""

import asyncio
import functools
import itertools
import logging
import sys
import threading
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.errors import FraudError
from stream.commands.archive import archive_command
from stream.commands.display import examples
from stream.commands.drift import drift_command
from stream.commands.http import http_command, http_key_command
from stream.commands.logs import set_up_logging
from stream.commands.models import models
from stream.commands.policy import policy
from stream.commands.replay import replay_command, verify_command
from stream.kafka.broker import LocalBroker
from stream.kafka.program import FAILED
from stream.kafka.send import send_file
from stream.kafka.tail import follow_topic
from stream.kafka.topics import create_topics
from stream.replay.parity import parity_gap
from stream.serving.tracing import set_up_tracing
from stream.settings import Settings, read_settings

#: Exit code of a command that was interrupted, beside 0, FAILED and click's 2 for bad usage.
INTERRUPTED = 130
#: What the bench measures the worker against.
RIVALS = ("confluent_loop", "quix", "plain_faust")


class Rate(click.ParamType):
    """Transactions a second, or `max`."""

    name = "N|max"

    def convert(
        self, value: str | float | None, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Read a positive number, or `max` as None."""
        if value is None or value == "max":
            return None
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate < float("inf"):
            self.fail(f"{value!r} is neither a positive number nor max", param, ctx)
        return rate


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "fraud-stream kafka                                   # in a terminal of its own",
        "fraud-stream topics",
        "fraud-train baseline --bootstrap 127.0.0.1:9092",
        "fraud-stream worker                                  # in a terminal of its own",
        "fraud-stream produce var/data/test.jsonl --rate 2000",
        "fraud-stream tail alerts",
    ),
)
def cli() -> None:
    """Score card transactions on Kafka.

    Settings are FRAUD_... environment variables; .env.example names each with unit and default.
    """
    # What the Kafka client tries again by itself is no news to whoever waits for one command.
    logging.getLogger("stream").setLevel(logging.ERROR)


@cli.command(
    epilog=examples(
        "fraud-stream kafka --port 19092 --dir /tmp/kafka",
    )
)
@click.option("--port", type=click.IntRange(1, 65535), default=9092, show_default=True, help="For clients.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/kafka"),
    show_default=True,
    help="Keeps the broker's data.",
)
def kafka(port: int, directory: Path) -> None:
    """Run a real Kafka on this machine until stopped: one node, no Docker, no installed Java."""
    with Console(stderr=True).status("Kafka") as status:
        broker = LocalBroker(directory, port=port, on_step=status.update)
        broker.start()
    try:
        click.echo(f"Kafka answers at {broker.bootstrap}; its data are in {directory}. Ctrl-C stops it.", err=True)
        threading.Event().wait()
    finally:
        broker.close()


@cli.command(
    epilog=examples(
        "FRAUD_BOOTSTRAP=kafka:9092 FRAUD_PARTITIONS=12 FRAUD_REPLICATION=3 fraud-stream topics",
    )
)
def topics() -> None:
    """Create the project's topics that are not there yet, and name them."""
    created = create_topics(read_settings())
    click.echo("\n".join(created) if created else "every topic is there already")


@cli.command(
    epilog=examples(
        "FRAUD_BOOTSTRAP=kafka:9092 FRAUD_SLOT=a FRAUD_WEB_PORT=6067 fraud-stream worker",
    )
)
def worker() -> None:
    """Score transactions until stopped (SIGTERM or Ctrl-C finishes the batches in hand).

    Workers share the partitions of the transactions topic; each needs a slot of its own.
    """
    settings = read_settings()
    set_up_logging(settings)
    set_up_tracing(settings, "worker")
    asyncio.run(run_worker(settings))


@cli.command(
    epilog=examples(
        "fraud-stream compare",
        "fraud-stream compare 3fa4c1 --days 30",
    )
)
@click.argument("challenger", required=False, metavar="[SHA256]")
@click.option("--days", type=click.IntRange(1), default=14, show_default=True, help="Of event time, the last ones.")
def compare(challenger: str | None, days: int) -> None:
    """Show what challengers would have changed, and how far their tests are.

    Each challenger of the roles in use, or the one whose bundle's hash begins so. By day: verdicts that differ, money
    saved and lost, false positives removed and added, on matured transactions; and how many wait.
    """
    try:
        from stream.commands.compare import show  # noqa: PLC0415 - a worker's image has no SQLAlchemy
    except ImportError as error:
        raise FraudError(
            f"{error.name} is not installed; to compare needs: pip install 'fraud-stream[ledger]'"
        ) from error
    show(read_settings(), challenger or "", days)


async def run_worker(settings: Settings) -> None:
    """Build a worker inside the running event loop, and run it."""
    from stream.app import WorkerProgram  # noqa: PLC0415 - Faust takes a second to load, and the others need none

    await WorkerProgram(settings).run()


@cli.command(
    epilog=examples(
        "fraud-stream ledger",
        "FRAUD_LEDGER_URL=postgresql+psycopg://fraud@db/fraud PGPASSWORD=… fraud-stream ledger",
    )
)
def ledger() -> None:
    """Keep decisions, shadow scores, labels and role changes in a SQL database until stopped, each row once.

    Makes the tables and brings them up to date. Ledgers of one database share the topics' partitions.
    """
    try:
        from stream.ledger.program import run_ledger  # noqa: PLC0415 - SQLAlchemy is an extra
    except ImportError as error:
        raise FraudError(
            f"{error.name} is not installed; the ledger needs: pip install 'fraud-stream[ledger]'"
        ) from error
    settings = read_settings()
    set_up_logging(settings)
    asyncio.run(run_ledger(settings, functools.partial(parity_gap, settings)))


@cli.command(
    epilog=examples(
        "fraud-stream produce var/data/test.jsonl --rate 2000",
        "fraud-stream produce var/data/test.jsonl --rate max",
    )
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--rate", type=Rate(), default="max", show_default=True, help="Transactions a second.")
def produce(file: Path, rate: float | None) -> None:
    """Send FILE, one JSON transaction a line, to the transactions topic."""
    settings = read_settings()
    with file.open("rb") as lines:
        total = sum(1 for _ in lines)
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        sent = send_file(settings, file, rate, lambda n: progress.advance(task, n))
    click.echo(f"{sent} transactions sent to {settings.topic_transactions}")


@cli.command(
    epilog=examples(
        "fraud-stream tail alerts | jq '{transaction_id, score, reasons}'",
        "fraud-stream tail dead-letters --from-beginning --count 10",
    )
)
@click.argument("topic")
@click.option("--from-beginning", is_flag=True, help="Begin with what is there already.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many messages.")
def tail(topic: str, *, from_beginning: bool, count: int | None) -> None:
    """Print the committed messages of TOPIC, one JSON a line, as they come."""
    messages = follow_topic(read_settings(), topic, from_beginning=from_beginning)
    for value in itertools.islice(messages, count):
        click.echo(value)


@cli.command(
    epilog=examples(
        "fraud-stream bench --json > bench.json",
        "fraud-stream bench --quick --rival confluent_loop",
        "fraud-stream bench --soak",
    )
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table.")
@click.option(
    "--runs", type=click.IntRange(1), default=5, show_default=True, help="Of each program; the median counts."
)
@click.option("--seconds", type=click.FloatRange(1), default=20, show_default=True, help="Of a run, about.")
@click.option("--quick", is_flag=True, help="One short run of each, to see that everything works.")
@click.option("--rival", "rivals", type=click.Choice(RIVALS), multiple=True, help="Only this one; may be repeated.")
@click.option("--no-latency", is_flag=True, help="Leave the latency out.")
@click.option("--no-shadows", is_flag=True, help="Leave out what each further challenger costs.")
@click.option("--no-drift", is_flag=True, help="Leave out what counting for drift costs.")
@click.option("--soak", is_flag=True, help="Also send two million transactions, for the growth of memory.")
def bench(
    *,
    as_json: bool,
    runs: int,
    seconds: float,
    quick: bool,
    rivals: tuple[str, ...],
    no_latency: bool,
    no_shadows: bool,
    no_drift: bool,
    soak: bool,
) -> None:
    """Measure the worker beside other pipelines, in one run on one broker of its own.

    Exactly once, with validation, metrics, a champion and a challenger: throughput of the worker, a plain
    confluent-kafka loop, Quix Streams and plain Faust; then the worker's latency, memory, start and stop.
    """
    try:
        from stream.bench.report import render, to_json  # noqa: PLC0415 - the serving image has no psutil
        from stream.bench.run import BenchOptions, run_bench  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise FraudError(f"{error.name} is not installed; the bench needs: pip install 'fraud-stream[dev]'") from error
    options = BenchOptions(
        runs,
        seconds,
        quick,
        rivals or RIVALS,
        latency=not no_latency,
        soak=soak,
        shadows=not no_shadows,
        drift=not no_drift,
    )
    report = run_bench(options)
    if as_json:
        click.echo(to_json(report))
    else:
        Console().print(render(report))


cli.add_command(archive_command)
cli.add_command(http_command)
cli.add_command(http_key_command)
cli.add_command(drift_command)
cli.add_command(models)
cli.add_command(policy)
cli.add_command(replay_command)
cli.add_command(verify_command)


def main() -> None:
    """Run the command line: 0 done, 1 failed with one line on stderr, 2 bad usage."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FraudError as error:
        click.echo(f"fraud-stream: {error}", err=True)
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()

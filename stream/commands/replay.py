"""`fraud-stream replay` and `verify`."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console

from schemas.errors import DataError
from stream.commands.command_line import examples
from stream.commands.time_param import TimeParam
from stream.control.role_reader import current_roles
from stream.kafka.topic_range import TopicRange
from stream.models.bundle import LoadedModel, read_bundle, resolve_bundle
from stream.models.bundle_store import BundleStore
from stream.replay.replay import replay
from stream.replay.verify import read_decision, verify
from stream.settings import Settings, read_settings

#: Exit code if any decision differs.
DIFFERENT = 1


@click.command(
    name="replay",
    epilog=examples(
        "fraud-stream replay                                        # is every decision reproduced?",
        "fraud-stream replay --from 2026-11-24 --to 2026-11-25 --model fraud/4 --out would-differ.jsonl",
        "fraud-stream replay --model s3://elsewhere/bundles/fraud/9",
    ),
)
@click.option(
    "--from", "start", type=TimeParam(), help="Start of the range, by Kafka's timestamps in UTC.  [default: the oldest]"
)
@click.option("--to", "end", type=TimeParam(), help="End of the range, exclusive.  [default: the newest]")
@click.option(
    "--model",
    "which",
    metavar="VERSION|PATH|URL",
    help="Model to make all decisions.  [default: the historical roles]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Output file for the decisions that differ, one JSON object per line.",
)
def replay_command(*, start: int | None, end: int | None, which: str | None, out: Path | None) -> None:
    """Score a time range of transactions again and print which decisions differ, as one JSON object.

    The range includes transactions received over HTTP, and nothing is written to Kafka. Every field except scoring time
    and latency is compared, and the exit code is 1 if any field differs. With --model, only verdicts are compared, and
    the exit code is 0.

    TIME is ISO 8601, or milliseconds since 1970 with 13 digits, in UTC. VERSION, PATH or URL names a bundle.
    """
    settings = read_settings()
    model = _load(settings, which) if which else None
    with _writer(out) as write, Console(stderr=True).status("scoring") as status:
        report = replay(
            settings,
            TopicRange(start, end),
            model,
            on_difference=write,
            on_progress=lambda count: status.update(f"{count:,} transactions scored again"),
        )
    click.echo(msgspec.json.format(msgspec.json.encode(report)))
    if model is None and not report.identical:
        raise click.exceptions.Exit(DIFFERENT)


@click.command(
    name="verify",
    epilog=examples("fraud-stream tail decisions --count 1 > decision.json", "fraud-stream verify decision.json"),
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="DECISION.json")
def verify_command(file: Path) -> None:
    """Recompute one decision from its transaction, the historical roles and its bundle.

    The exit code is 1 if any field of the decision differs.
    """
    then = read_decision(file.read_bytes())
    different = verify(read_settings(), then)
    if not different:
        click.echo(f"{then.decision_id} is reproduced by bundle {then.bundle_sha256[:12]}")
        return
    for field, (original, recomputed) in different.items():
        click.echo(f"{field}: the decision says {original!r}, recomputed it is {recomputed!r}")
    raise click.exceptions.Exit(DIFFERENT)


def _load(settings: Settings, which: str) -> LoadedModel:
    store, path = BundleStore(settings.bundle.store), which
    if "://" in which:
        base, _, path = which.rstrip("/").rpartition("/")
        store = BundleStore(base)
    elif "/" not in which:
        roles = current_roles(settings.kafka, settings.topic)
        path = f"{roles.champion.name if roles else 'fraud'}/{which}"
    return read_bundle(store, resolve_bundle(store, path))


@contextlib.contextmanager
def _writer(out: Path | None) -> Iterator[Callable[[bytes], None]]:
    if out is None:
        yield lambda _: None
        return
    try:
        with out.open("wb") as file:
            yield lambda line: file.writelines((line, b"\n"))
    except OSError as error:
        raise DataError(f"cannot write to {out} ({error.strerror}); choose another path with --out") from error

"""`fraud-stream replay` and `verify`."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console

from schemas.errors import DataError
from stream.commands.command_line import examples
from stream.control.role_reader import current_roles
from stream.kafka.topic_range import TopicRange
from stream.models.bundle import LoadedModel, resolve_bundle, read_bundle
from stream.models.bundle_store import BundleStore
from stream.replay.replay import replay
from stream.replay.verify import read_decision, verify
from stream.settings import Settings, read_settings

#: Exit code where what was decided is not what is decided again.
DIFFERENT = 1


class Moment(click.ParamType):
    """A moment in UTC."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read ISO 8601, or milliseconds since 1970, as the latter."""
        if value.isdecimal():
            return int(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write for instance 2026-11-25T12:00", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)


@click.command(
    name="replay",
    epilog=examples(
        "fraud-stream replay                                        # is everything decided the same again?",
        "fraud-stream replay --from 2026-11-24 --to 2026-11-25 --model fraud/4 --out would-differ.jsonl",
        "fraud-stream replay --model s3://elsewhere/bundles/fraud/9",
    ),
)
@click.option("--from", "start", type=Moment(), help="When Kafka took the first transaction, UTC.  [default: all]")
@click.option("--to", "end", type=Moment(), help="When Kafka took the first one left out.  [default: all]")
@click.option(
    "--model",
    "which",
    metavar="VERSION|PATH|URL",
    help="Decides everything.  [default: the roles of then]",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="JSON lines, one for each decision that differs."
)
def replay_command(*, start: int | None, end: int | None, which: str | None, out: Path | None) -> None:
    """Score a slice of the transactions again and report which decisions would differ, as one JSON object.

    Those that were asked about over HTTP too. No live topic is written. With the roles of then, every field but the
    clock's is compared, and the exit code is 1 when one differs; with a model, verdicts are.
    """
    settings = read_settings()
    model = _find(settings, which) if which else None
    with _writer(out) as write, Console(stderr=True).status("scoring again") as status:
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
    """Recompute one decision from its transaction, the roles of then and its bundle.

    The exit code is 1 when it does not come out as it stands.
    """
    then = read_decision(file.read_bytes())
    found = verify(read_settings(), then)
    if not found:
        click.echo(f"{then.decision_id} is what bundle {then.bundle_sha256[:12]} decides")
        return
    for field, (says, right) in found.items():
        click.echo(f"{field}: the decision says {says!r}, recomputed it is {right!r}")
    raise click.exceptions.Exit(DIFFERENT)


def _find(settings: Settings, which: str) -> LoadedModel:
    store, path = BundleStore(settings.bundle.store), which
    if "://" in which:
        base, _, path = which.rstrip("/").rpartition("/")
        store = BundleStore(base)
    elif "/" not in which:
        roles = current_roles(settings)
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
        raise DataError(f"{out} cannot be written ({error.strerror}); name another place with --out") from error

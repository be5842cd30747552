"""`fraud-stream backup`: makes, checks and restores backups."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stream.backup.backup import create_backup, restore_backup
from stream.backup.file import FilePart
from stream.backup.folder import FolderPart
from stream.backup.manifest import BackupManifest, verify_backup
from stream.backup.part import Part
from stream.backup.postgres import PostgresPart
from stream.backup.roles import RolesPart
from stream.backup.sqlite import SqlitePart
from stream.clock import SystemClock
from stream.commands.command_line import examples
from stream.commands.formatting import counted
from stream.kafka.topics import DAY_MS, TopicSpec, topic_table
from stream.settings import Settings, TopicSettings, read_settings

HOUR_MS = 60 * 60 * 1000
_SQLITE = "sqlite:///"


class NamedUrl(click.ParamType):
    """`NAME=URL` of a database or a folder that no setting names."""

    name = "NAME=URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Parse `NAME=URL`; return both."""
        name, _, url = value.partition("=")
        if not name.isidentifier() or not url:
            self.fail(f"{value!r} is not NAME=URL, such as mlflow=sqlite:///var/mlflow.db", param, ctx)
        return name, url


_directory = click.argument("directory", type=click.Path(path_type=Path))


def _selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--folder", "folders", type=NamedUrl(), multiple=True, help="Another folder, with any fsspec URL."
        ),
        click.option(
            "--database",
            "databases",
            type=NamedUrl(),
            multiple=True,
            help="Another database: sqlite:/// or postgresql://.",
        ),
        click.option(
            "--part", "names", multiple=True, help="Part to save or restore; may be repeated.  [default: all]"
        ),
    ):
        command = option(command)
    return command


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "fraud-stream backup create backups/2026-11-30",
        "fraud-stream backup verify backups/2026-11-30",
        "fraud-stream backup restore backups/2026-11-30 --part ledger",
    ),
)
def backup() -> None:
    """Make, check and restore backups of what Kafka cannot restore.

    The parts are `roles` (the topic of role changes), `ledger` (its database), `bundles` (the bundle store) and `keys`
    (the file of API keys, if FRAUD_HTTP_KEYS names one). The settings say where they are. docs/how-to/back-up.md
    explains what else there is to save, and what to do after a restore.
    """


@backup.command(
    epilog=examples(
        "fraud-stream backup create backups/2026-11-30",
        "fraud-stream backup create backups/mlflow --part mlflow --part mlartifacts \\",
        "    --database mlflow=sqlite:///var/mlflow.db --folder mlartifacts=var/mlartifacts",
    ),
)
@_directory
@_selection_options
def create(
    directory: Path,
    names: tuple[str, ...],
    databases: tuple[tuple[str, str], ...],
    folders: tuple[tuple[str, str], ...],
) -> None:
    """Save all parts to DIRECTORY, which is created. The programs may keep running.

    A ledger on Postgres needs Postgres's own pg_dump.
    """
    began = time.monotonic()
    parts = _select(_all_parts(read_settings(), databases, folders), names)
    manifest = create_backup(directory, parts, SystemClock(), click.echo)
    click.echo(f"{_contents(manifest)} in {time.monotonic() - began:.1f} s: {directory}")


@backup.command(epilog=examples("fraud-stream backup verify backups/2026-11-30"))
@_directory
def verify(directory: Path) -> None:
    """Compare all files of a backup with the sizes and SHA-256 hashes in its manifest."""
    click.echo(f"{_contents(verify_backup(directory))}, all intact: {directory}")


@backup.command(
    epilog=examples(
        "fraud-stream backup restore backups/2026-11-30 --part ledger",
        "fraud-stream backup restore backups/2026-11-30 --part roles --part bundles",
    ),
)
@_directory
@_selection_options
def restore(
    directory: Path,
    names: tuple[str, ...],
    databases: tuple[tuple[str, str], ...],
    folders: tuple[tuple[str, str], ...],
) -> None:
    """Verify the backup in DIRECTORY, then restore it to where the settings say.

    Nothing is overwritten: unless the targets of all parts are empty, nothing is restored. Stop the ledger before its
    database is restored; when it starts again, it continues from the offsets in the database.
    """
    began = time.monotonic()
    settings = read_settings()
    parts = _select(_all_parts(settings, databases, folders), names)
    manifest = restore_backup(directory, parts, click.echo)
    age_ms = SystemClock().now_ms() - manifest.created_at_ms
    click.echo(f"restored in {time.monotonic() - began:.1f} s from a backup that is {age_ms / HOUR_MS:.1f} hours old")
    if "ledger" in [part.name for part in parts] and (topic := _shortest_kept(settings.topic)).retention_ms < age_ms:
        click.echo(
            f"warning: topic {topic.name} is kept for {topic.retention_ms // DAY_MS} days, so the ledger will lack "
            "what came between the backup and the oldest message in Kafka; restore a newer backup if there is one",
            err=True,
        )


def _all_parts(
    settings: Settings, databases: tuple[tuple[str, str], ...], folders: tuple[tuple[str, str], ...]
) -> list[Part]:
    """Return all parts, in an order in which each comes before those that it refers to.

    Ledger and roles name bundles, and MLflow's database names artifacts.
    """
    return [
        RolesPart(settings.kafka, settings.topic.model_updates),
        _database("ledger", settings.ledger.url),
        *(_database(name, url) for name, url in databases),
        FolderPart("bundles", settings.bundle.store),
        *(FolderPart(name, url) for name, url in folders),
        *([FilePart("keys", Path(settings.http.keys))] if settings.http.keys else []),
    ]


def _shortest_kept(topics: TopicSettings) -> TopicSpec:
    """Return the topic from which a ledger can catch up for the shortest time."""
    read = (topics.decisions, topics.shadow_scores, topics.labels)
    return min((spec for spec in topic_table(topics) if spec.name in read), key=lambda spec: spec.retention_ms)


def _database(name: str, url: str) -> Part:
    if url.startswith(_SQLITE):
        return SqlitePart(name, Path(url.removeprefix(_SQLITE)))
    if url.startswith("postgresql"):
        return PostgresPart(name, url)
    raise click.UsageError(f"the URL of {name} begins with neither {_SQLITE} nor postgresql")


def _select(parts: list[Part], names: tuple[str, ...]) -> list[Part]:
    known = [part.name for part in parts]
    if repeated := next((name for name in known if known.count(name) > 1), None):
        raise click.UsageError(f"there are two parts {repeated}; give the folder or database another name")
    for name in names:
        if name not in known:
            raise click.UsageError(
                f"there is no part {name}, only {', '.join(known)}; name others with --database and --folder, "
                "and the file of API keys with FRAUD_HTTP_KEYS"
            )
    return [part for part in parts if not names or part.name in names]


def _contents(manifest: BackupManifest) -> str:
    size_mib = sum(file.size for file in manifest.files.values()) / 2**20
    return f"{counted(len(manifest.files), 'file')}, {size_mib:.1f} MiB, parts {', '.join(manifest.parts)}"

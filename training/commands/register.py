"""`fraud-train register`."""

import click

from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import open_promoter


@click.command(epilog=examples("fraud-train register 4f0c6f2f1d5a4c0f9a6d1b7c2e3f4a5b"))
@click.argument("run_id")
@store_option
def register(run_id: str, store: str | None) -> None:
    """Make the bundle of a run the next version of the registered model `fraud`.

    RUN_ID is a finished MLflow run of `study` or `baseline` that holds a bundle. The bundle is audited, numbered and
    put into the bundle store; the version gets its lineage as tags and its run a model card. What fails leaves
    neither a version nor a bundle behind.
    """
    desk = open_promoter(store, None)
    # MLflow takes seconds to import.
    from training.registry.register import register as register_run  # noqa: PLC0415

    version = register_run(run_id, desk.registry, desk.runs, desk.store)
    click.echo(f"version {version.number}: bundle {version.bundle.path}, SHA-256 {version.bundle.sha256[:12]}…")

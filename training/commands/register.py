"""The command `fraud-train register`."""

from typing import Any

import click

from stream.commands.command_line import examples
from stream.commands.role_change_options import author_option
from training.commands.options import description_option, store_option
from training.commands.validation_options import thresholds_option


@click.command(
    epilog=examples(
        "fraud-train register 4f0c6f2f1d5a4c0f9a6d1b7c2e3f4a5b",
        "fraud-train register 4f0c6f2f1d5a4c0f9a6d1b7c2e3f4a5b --data mine.csv --description mine.yaml",
    ),
)
@click.argument("run_id")
@click.option(
    "--data",
    help="Path or fsspec URL of a Parquet or CSV file with labelled transactions on which to validate the bundle.  "
    "[default: the downloaded ULB data, if the model was trained on them]",
)
@description_option
@thresholds_option
@click.option(
    "--override-validation",
    "override",
    metavar="REASON",
    help="Register the bundle even if it does not pass its validation; the reason is recorded.",
)
@author_option
@store_option
def register(**options: Any) -> None:
    """Register the bundle of a run as the next version of the model `fraud`.

    RUN_ID is a finished MLflow run with a bundle, made by `fraud-train study` or `fraud-train baseline`. The bundle is
    audited, validated as by `fraud-train validate`, numbered and copied to the bundle store. The lineage is stored as
    tags of the version, and a model card and the validation's report are stored with the run. If any step fails,
    neither the version nor the bundle is kept.
    """
    if options["description"] is not None and options["data"] is None:
        raise click.UsageError("--description describes the columns of --data; add --data")
    from training.commands.jobs.register import register_run  # noqa: PLC0415 - MLflow takes seconds to import

    register_run(**options)

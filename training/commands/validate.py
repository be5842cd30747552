"""The command `fraud-train validate`."""

from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import VAR, data_option, description_option, file_path, store_option
from training.commands.validation_options import thresholds_option

_OUT = VAR / "validation.html"


@click.command(
    epilog=examples(
        "fraud-train validate 4",
        "fraud-train validate fraud/4 --champion fraud/3",
        "fraud-train validate ./bundle --data mine.csv --description mine.yaml --thresholds strict.yaml",
    ),
)
@click.argument("bundle", metavar="BUNDLE|VERSION")
@click.option(
    "--champion",
    metavar="BUNDLE|VERSION",
    help="Bundle to compare with.  [default: the registered model's champion, if there is one]",
)
@data_option
@description_option
@thresholds_option
@click.option(
    "--out",
    type=file_path,
    default=_OUT,
    show_default=True,
    help="HTML file to write; a JSON file is written beside it.",
)
@store_option
def validate(**options: Any) -> None:
    """Check whether a bundle may be registered or take a role, and write a report.

    BUNDLE is a directory, a URL, or a path in the bundle store; VERSION is a version number or alias of the registered
    model. The checks: audit, parity, calibration, slices (recall and false-positive rate compared with the champion),
    drift of the reference from the newest transactions in the archive (FRAUD_ARCHIVE_URL), cost compared with the
    champion, size, and model card. Calibration and slices use the transactions of --data that the models have not seen
    in training.

    Each check is printed with its outcome: passed, failed, or not checked with the reason. The exit code is 0 if the
    bundle passes, 1 if a check failed or a required check could not run, and 2 if the data file cannot be used.
    """
    with progress(1) as report:
        report("load MLflow and polars")
        from training.commands.jobs.validate import validate_bundle  # noqa: PLC0415 - these take seconds to import
    validate_bundle(**options)

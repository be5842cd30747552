"""The command `fraud-train drift-report`."""

from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import VAR, description_option, file_path, store_option

_OUT = VAR / "drift.html"


@click.command(
    "drift-report",
    epilog=examples(
        "fraud-train drift-report november.parquet --bundle champion",
        "fraud-train drift-report mine.csv --description mine.yaml --bundle fraud/4 --out drift.html",
        "fraud-train drift-report november.parquet --bundle ./bundle --json",
    ),
)
@click.argument("file")
@click.option(
    "--bundle",
    metavar="PATH|VERSION",
    default="champion",
    show_default=True,
    help="Bundle to compare with: a directory, a URL, a path in the bundle store, or a version number or alias of the "
    "registered model.",
)
@description_option
@click.option("--out", type=file_path, default=_OUT, show_default=True, help="HTML file to write.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Instead of the findings, print the report on each window as one line of JSON.",
)
@store_option
def drift_report(**options: Any) -> None:
    """Measure the drift of FILE against a bundle's reference and write an HTML report with plots.

    FILE is a Parquet or CSV file, given by its path or any fsspec URL. It needs no labels. Its transactions are
    divided into windows in order of event time and judged by the code that monitors the live stream, with the same
    FRAUD_DRIFT_ settings, so the same transactions give the same statistics. The findings are also printed; those
    marked ! need action. The exit code is 2 if the file cannot be used.
    """
    with progress(1) as report:
        report("load matplotlib and polars")
        from training.commands.jobs.drift_report import report_drift  # noqa: PLC0415 - these take seconds to import
    report_drift(**options)

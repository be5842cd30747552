"""The command `fraud-train drift-report`."""

from pathlib import Path

import click

from schemas.errors import DataError
from schemas.messages import encode
from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import VAR, description_option, file_path, store_option
from training.commands.registry_options import open_registry, open_store

_OUT = VAR / "drift.html"
_STEPS = 4


class _UnusableFileError(click.ClickException):
    """Raised if FILE cannot be used. The command then exits with code 2, as it does for bad usage."""

    exit_code = 2


@click.command(
    "drift-report",
    short_help="Report how far the data in a file has drifted from a bundle's reference.",
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
def drift_report(
    *, file: str, bundle: str, description: Path | None, out: Path, as_json: bool, store: str | None
) -> None:
    """Measure the drift of FILE against a bundle's reference and write an HTML report with plots.

    FILE is a Parquet or CSV file, given by its path or any fsspec URL. It needs no labels. Its transactions are
    divided into windows in order of event time and judged by the code that monitors the live stream, with the same
    FRAUD_DRIFT_ settings, so the same transactions give the same statistics. The findings are also printed; those
    marked ! need action. The exit code is 2 if the file cannot be used.
    """
    with progress(_STEPS) as report:
        report("read the bundle")
        # matplotlib and polars take seconds to import; --help must not wait for them.
        from stream.drift.alarm_rule import drift_limits  # noqa: PLC0415
        from stream.settings import read_settings  # noqa: PLC0415
        from training.data.description import ULB, read_description  # noqa: PLC0415
        from training.drift.findings import list_findings  # noqa: PLC0415
        from training.drift.history import column_histories  # noqa: PLC0415
        from training.drift.inputs import read_model, read_rows  # noqa: PLC0415
        from training.drift.offline import measure_drift  # noqa: PLC0415
        from training.drift.report_page import drift_page  # noqa: PLC0415
        from training.pages.render import write_page  # noqa: PLC0415

        settings = read_settings()
        limits = drift_limits(settings.drift, settings.watermark)
        model = read_model(
            bundle, open_store(store), lambda version: open_registry(store).registry.find(version).bundle
        )
        try:
            report("read the file")
            rows = read_rows(file, read_description(description) if description else ULB, model)
            report(f"count {len(rows):,} transactions")
            drift = measure_drift(rows, model, limits)
        except DataError as error:
            raise _UnusableFileError(str(error)) from error
        report("write the page")
        write_page(drift_page(drift, model.manifest, limits, Path(file).name), out)
    if as_json:
        for window in drift.reports:
            click.echo(encode(window))
        return
    for finding in list_findings(drift, limits, column_histories(drift.reports, model.manifest)):
        click.echo(f"{'!' if finding.needs_action else '-'} {finding.text}")
    click.echo(out)

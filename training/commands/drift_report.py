"""`fraud-train drift-report`."""

from pathlib import Path

import click

from schemas.errors import DataError
from schemas.messages import encode
from training.commands.display import examples, progress
from training.commands.options import VAR, file_path, description_option, store_option
from training.commands.registry_options import open_promoter, open_store

_OUT = VAR / "drift.html"
_STEPS = 4


class _BadFile(click.ClickException):
    """What was named cannot be used."""

    exit_code = 2


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
    help="A directory, a URL, a path in the bundle store, or a version or alias of the registered model.",
)
@description_option
@click.option("--out", type=file_path, default=_OUT, show_default=True, help="HTML file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the windows' reports as JSON lines.")
@store_option
def drift_report(
    *, file: str, bundle: str, description: Path | None, out: Path, as_json: bool, store: str | None
) -> None:
    """Hold the transactions of FILE against a bundle's reference: one HTML page with plots.

    FILE is Parquet or CSV, a path or any fsspec URL; labels are not needed. It is counted, cut into windows in order of
    event time and judged by the very code that watches the stream, with the same FRAUD_DRIFT_ settings, so the same
    rows give the same numbers. What alarms is printed as well. Exit code 2: the file cannot be used.
    """
    with progress(_STEPS) as report:
        report("read the bundle")
        # matplotlib and polars take seconds to import; --help starts at once.
        from stream.drift.alarm_rule import drift_limits  # noqa: PLC0415
        from stream.settings import read_settings  # noqa: PLC0415
        from training.data.description import ULB, read_description  # noqa: PLC0415
        from training.drift.findings import find  # noqa: PLC0415
        from training.drift.history import histories  # noqa: PLC0415
        from training.drift.offline import look  # noqa: PLC0415
        from training.drift.page import drift_page  # noqa: PLC0415
        from training.drift.read import read_model, read_rows  # noqa: PLC0415
        from training.eda.page import write_page  # noqa: PLC0415

        limits = drift_limits(read_settings())
        model = read_model(
            bundle, open_store(store), lambda version: open_promoter(store, None).registry.find(version).bundle
        )
        try:
            report("read the file")
            rows = read_rows(file, read_description(description) if description else ULB, model)
            report(f"count {len(rows):,} transactions")
            looked = look(rows, model, limits)
        except DataError as error:
            raise _BadFile(str(error)) from error
        report("write the page")
        write_page(drift_page(looked, model.manifest, limits, Path(file).name), out)
    if as_json:
        for each in looked.reports:
            click.echo(encode(each))
        return
    for text, kind in find(looked, limits, histories(looked.reports, model.manifest)):
        click.echo(f"{'!' if kind == 'act' else '-'} {text}")
    click.echo(out)

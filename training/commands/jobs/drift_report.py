"""The job of `fraud-train drift-report`."""

from pathlib import Path

import click

from schemas.errors import DataError
from schemas.messages import encode
from stream.drift.alarm_rule import drift_limits
from stream.settings import read_settings
from training.commands.display import progress
from training.commands.registry_options import open_registry, open_store
from training.commands.unusable_file import UnusableFileError
from training.data.description import ULB, read_description
from training.drift.findings import list_findings
from training.drift.history import column_histories
from training.drift.inputs import read_model, read_rows
from training.drift.offline import measure_drift
from training.drift.report_page import drift_page
from training.pages.render import write_page

_STEPS = 4


def report_drift(
    *, file: str, bundle: str, description: Path | None, out: Path, as_json: bool, store: str | None
) -> None:
    """Measure the drift of a file against a bundle's reference, write the page and print the findings.

    Args:
        file: Path or fsspec URL of a Parquet or CSV file, with or without labels.
        bundle: Directory, URL or path of the bundle, or a version number or alias of the registered model.
        description: YAML file that describes the columns; None for the ULB data.
        out: HTML file to write.
        as_json: Whether to print the report on each window as JSON instead of the findings.
        store: Bundle store; None for the bundle store in the settings.
    """
    with progress(_STEPS) as report:
        report("read the bundle")
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
            raise UnusableFileError(str(error)) from error
        report("write the page")
        write_page(drift_page(drift, model.manifest, limits, Path(file).name), out)
    if as_json:
        for window in drift.reports:
            click.echo(encode(window))
        return
    for finding in list_findings(drift, limits, column_histories(drift.reports, model.manifest)):
        click.echo(f"{'!' if finding.needs_action else '-'} {finding.text}")
    click.echo(out)

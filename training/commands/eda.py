"""The command `fraud-train eda`."""

import time
from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import VAR, data_option, description_option, file_path

_OUT = VAR / "eda.html"


@click.command(
    epilog=examples("fraud-train eda", "fraud-train eda --data mine.csv --description mine.yaml"),
)
@data_option
@description_option
@click.option("--out", type=file_path, default=_OUT, show_default=True, help="HTML file to write.")
def eda(**options: Any) -> None:
    """Analyse the training data and write an HTML report with plots.

    The report covers class balance, missing values, distributions by class, correlations, frauds by hour and amount,
    duplicates, and drift between the training, validation and test data. Its findings, which say what to fix or know
    before training, are also printed; those marked ! need action. The report is logged to MLflow as well.
    """
    started = time.perf_counter()
    with progress(1) as report:
        report("load matplotlib and MLflow")
        from training.commands.jobs.eda import report_on_data  # noqa: PLC0415 - these take seconds to import
    report_on_data(**options, started=started)

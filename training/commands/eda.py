"""The command `fraud-train eda`."""

import time
from pathlib import Path

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import VAR, data_option, description_option, file_path
from training.commands.study_options import open_mlflow

_OUT = VAR / "eda.html"


@click.command(
    short_help="Report on the training data.",
    epilog=examples("fraud-train eda", "fraud-train eda --data mine.csv --description mine.yaml"),
)
@data_option
@description_option
@click.option("--out", type=file_path, default=_OUT, show_default=True, help="HTML file to write.")
def eda(data: str, description: Path | None, out: Path) -> None:
    """Analyse the training data and write an HTML report with plots.

    The report covers class balance, missing values, distributions by class, correlations, frauds by hour and amount,
    duplicates, and drift between the training, validation and test data. Its findings, which say what to fix or know
    before training, are also printed; those marked ! need action. The report is logged to MLflow as well.
    """
    started = time.perf_counter()
    with progress(1) as report:
        report("load matplotlib and MLflow")
        # These imports take seconds; --help must not wait for them.
        from training.data.description import ULB, read_description  # noqa: PLC0415
        from training.eda.report import STEPS, run_eda  # noqa: PLC0415
        from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment  # noqa: PLC0415
    with progress(STEPS) as report:
        experiment = MlflowExperiment(open_mlflow(), BASELINE_EXPERIMENT)
        made = run_eda(data, read_description(description) if description else ULB, out, experiment, report)
    for finding in made.findings:
        click.echo(f"{'!' if finding.needs_action else '-'} {finding.text}")
    click.echo(f"{out}, in {time.perf_counter() - started:.0f} s")

"""The job of `fraud-train eda`."""

import time
from pathlib import Path

import click

from training.commands.display import progress
from training.commands.jobs.inputs import open_mlflow
from training.data.description import ULB, read_description
from training.eda.report import STEPS, run_eda
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment


def report_on_data(*, data: str, description: Path | None, out: Path, started: float) -> None:
    """Analyse training data, write the report and print its findings.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        out: HTML file to write.
        started: Value of `time.perf_counter` when the command started.
    """
    with progress(STEPS) as report:
        experiment = MlflowExperiment(open_mlflow(), BASELINE_EXPERIMENT)
        page = run_eda(data, read_description(description) if description else ULB, out, experiment, report)
    for finding in page.findings:
        click.echo(f"{'!' if finding.needs_action else '-'} {finding.text}")
    click.echo(f"{out}, in {time.perf_counter() - started:.0f} s")

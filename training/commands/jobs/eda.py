"""The job of `fraud-train eda`."""

from collections.abc import Sequence
from pathlib import Path

from training.commands.display import progress
from training.commands.jobs.inputs import open_mlflow
from training.data.description import ULB, read_description
from training.eda.report import STEPS, run_eda
from training.pages.elements import Finding
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment


def report_on_data(data: str, description: Path | None, out: Path) -> Sequence[Finding]:
    """Analyse training data, write the report and return its findings.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        out: HTML file to write.
    """
    with progress(STEPS) as report:
        experiment = MlflowExperiment(open_mlflow(), BASELINE_EXPERIMENT)
        return run_eda(data, read_description(description) if description else ULB, out, experiment, report).findings

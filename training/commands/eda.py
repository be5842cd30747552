"""`fraud-train eda`: a report on the data."""

import time
from pathlib import Path

import click

from training.commands.display import examples, progress
from training.commands.options import VAR, a_file, data_option, description_option

_OUT = VAR / "eda.html"


@click.command(epilog=examples("fraud-train eda", "fraud-train eda --data mine.csv --description mine.yaml"))
@data_option
@description_option
@click.option("--out", type=a_file, default=_OUT, show_default=True, help="HTML file to write.")
def eda(data: str, description: Path | None, out: Path) -> None:
    """Look at the data: one HTML page with plots, logged to MLflow too.

    Class balance, missing values, distributions by class, correlations, fraud by hour and amount, duplicates, drift
    between the split's parts, and in words what to know before training. What stands out is printed as well.
    """
    started = time.perf_counter()
    with progress(1) as report:
        report("load matplotlib and MLflow")
        # They take seconds to import; --help starts at once.
        from training.data.description import ULB, read_description  # noqa: PLC0415
        from training.eda.report import STEPS, run_eda  # noqa: PLC0415
        from training.registry.tracking import Tracker  # noqa: PLC0415
    with progress(STEPS) as report:
        look = run_eda(data, read_description(description) if description else ULB, out, Tracker(VAR), report)
    for finding in look.findings:
        click.echo(f"{'!' if finding.act else '-'} {finding.text}")
    click.echo(f"{out}, in {time.perf_counter() - started:.0f} s")

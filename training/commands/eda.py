"""`fraud-train eda`: a report on the data."""

import time
from pathlib import Path

import click

from training.commands.display import examples, progress
from training.data.fetch import FILE_NAME

_VAR = Path("var")
_DATA = _VAR / "data" / FILE_NAME
_OUT = _VAR / "eda.html"
_a_path = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=examples("fraud-train eda", "fraud-train eda --data mine.csv --out mine.html"))
@click.option("--data", type=_a_path, default=_DATA, show_default=True, help="Parquet or CSV file.")
@click.option("--out", type=_a_path, default=_OUT, show_default=True, help="HTML file to write.")
def eda(data: Path, out: Path) -> None:
    """Look at the data: one HTML page with plots, logged to MLflow too.

    Class balance, missing values, distributions by class, correlations, fraud by hour and amount, duplicates, drift
    between the split's parts, and in words what to know before training. What stands out is printed as well.
    """
    started = time.perf_counter()
    with progress(1) as report:
        report("load matplotlib and MLflow")
        # They take seconds to import; --help starts at once.
        from training.eda.report import STEPS, run_eda  # noqa: PLC0415
        from training.registry.tracking import Tracker  # noqa: PLC0415
    with progress(STEPS) as report:
        look = run_eda(data, out, Tracker(_VAR), report)
    for finding in look.findings:
        click.echo(f"{'!' if finding.act else '-'} {finding.text}")
    click.echo(f"{out}, in {time.perf_counter() - started:.0f} s")

"""The command `fraud-train compare`."""

from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.options import file_path
from training.commands.study_options import name_option


@click.command(
    epilog=examples("fraud-train compare", "fraud-train compare --study quick --out quick.html"),
)
@name_option
@click.option("--out", type=file_path, help="HTML file to write.  [default: var/compare-NAME.html]")
def compare(**options: Any) -> None:
    """Compare a study's entries with each other and its best entry with the champion.

    The result is printed as a table and written as an HTML page, which is also logged to MLflow. The comparison
    with the champion shows the paired difference on the folds if the champion comes from a study with the same folds,
    and the metrics on the test set if `fraud-train evaluate --final` has been run.
    """
    from training.commands.jobs.compare import compare_entries  # noqa: PLC0415 - MLflow takes seconds to import

    compare_entries(**options)

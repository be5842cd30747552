"""Options that several commands share, and the default locations of their files."""

from pathlib import Path

import click

from training.data.description import ULB_FILE

#: Directory for downloaded and generated files, including MLflow's SQLite database.
VAR = Path("var")
DATA_DIR = VAR / "data"
#: File that lists the models from the last baseline.
ROLES = VAR / "models" / "baseline.json"

file_path = click.Path(path_type=Path, dir_okay=False)
data_option = click.option(
    "--data", default=str(DATA_DIR / ULB_FILE), show_default=True, help="Path or fsspec URL of a Parquet or CSV file."
)
description_option = click.option(
    "--description",
    type=file_path,
    help="YAML file that describes the columns of the data.  [default: the description of the ULB data]",
)
store_option = click.option(
    "--store", help="Path or fsspec URL of the bundle store.  [default: FRAUD_BUNDLE_STORE or var/bundles]"
)
roles_option = click.option(
    "--roles", type=file_path, default=ROLES, show_default=True, help="JSON file that lists the baseline's models."
)

"""Options that several commands have, and where files lie unless an option says otherwise."""

from pathlib import Path

import click

from training.data.description import ULB_FILE

#: What the project fetches and makes; MLflow's SQLite too, unless MLFLOW_TRACKING_URI names another MLflow.
VAR = Path("var")
DATA_DIR = VAR / "data"
#: Which models the last baseline made.
ROLES = VAR / "models" / "baseline.json"

file_path = click.Path(path_type=Path, dir_okay=False)
data_option = click.option(
    "--data", default=str(DATA_DIR / ULB_FILE), show_default=True, help="Parquet or CSV file, or an fsspec URL."
)
description_option = click.option(
    "--description", type=file_path, help="YAML that names the data's columns.  [default: the ULB data's]"
)
store_option = click.option(
    "--store", help="Bundle store, any fsspec URL.  [default: FRAUD_BUNDLE_STORE or var/bundles]"
)
roles_option = click.option(
    "--roles", type=file_path, default=ROLES, show_default=True, help="Where the models are noted."
)

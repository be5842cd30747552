"""The command `fraud-train baseline`."""

import time
from typing import Any

import click

from stream.commands.command_line import examples
from stream.settings import read_settings
from training.commands.display import progress
from training.commands.options import data_option, description_option, roles_option, store_option
from training.commands.study_options import accept_option, alerts_option


@click.command(
    epilog=examples(
        "fraud-train baseline",
        "fraud-train baseline --alerts-per-day 50",
        "fraud-train baseline --data mine.csv --description mine.yaml --min-pr-auc 0.3",
        "fraud-train baseline --data mine.csv --store s3://models/fraud --bootstrap kafka:9092",
    ),
)
@data_option
@description_option
@store_option
@roles_option
@accept_option
@alerts_option
@click.option(
    "--min-pr-auc",
    type=click.FloatRange(0, 1),
    help="Lowest PR-AUC on the test set with which the champion is accepted; 0 for no limit.  [default: 0.75, which "
    "suits the ULB data]",
)
@click.option("--bootstrap", help="Kafka broker, host:port; if given, the models' roles are published there.")
def baseline(**options: Any) -> None:
    """Train a LightGBM champion and XGBoost and ExtraTrees challengers with fixed hyperparameters.

    Each model is logged as an MLflow run (in var/mlflow.db, or at MLFLOW_TRACKING_URI) and registered as a
    version of the model `fraud`. The models' roles are published on Kafka with --bootstrap, or later with `fraud-train
    publish`. The command fails if the scores of a model and its ONNX export differ, or if the champion's PR-AUC on the
    test set is below --min-pr-auc. The test set is evaluated once for all three models, and MLflow counts the
    evaluations.
    """
    started = time.perf_counter()
    read_settings()  # reject a bad setting before anything slow
    with progress(1) as report:
        report("load MLflow and the boosters")
        from training.commands.jobs.baseline import train_baseline  # noqa: PLC0415 - these take seconds to import
    train_baseline(**options, started=started)

"""The command `fraud-train watch`."""

from typing import Any

import click

from schemas.errors import MissingPackageError
from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option
from training.commands.validation_options import thresholds_option


@click.command(
    epilog=examples(
        "fraud-train watch --once",
        "fraud-train watch --mode auto --bootstrap 127.0.0.1:9092",
        "fraud-train watch --retrain on --every 90 --bootstrap 127.0.0.1:9092",
    ),
)
@click.option(
    "--mode",
    type=click.Choice(("off", "propose", "auto")),
    default="propose",
    show_default=True,
    help="off: print the state of each gate test. propose: also print the command that promotes a winner. auto: "
    "promote the winner.",
)
@click.option(
    "--retrain",
    type=click.Choice(("off", "on")),
    default="off",
    show_default=True,
    help="on: handle the requests on the topic retrain-requests, and request a retrained model when labels show that "
    "the champion's error rate has increased.",
)
@click.option(
    "--every",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DAYS",
    help="Age of the champion at which to request a retrained model.",
)
@thresholds_option
@click.option("--once", is_flag=True, help="Check once and exit.")
@click.option("--interval", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds between checks.")
@bootstrap_option
@store_option
def watch(*, retrain: str, every: float | None, **options: Any) -> None:
    """Promote challengers that win their gate test, and handle retraining requests.

    The gate in the ledger (FRAUD_LEDGER_URL) decides whether a challenger is better than the champion. This command
    promotes the winner, because only `fraud-train` has access to MLflow. A promotion is first written to Kafka's
    control topic; then plan, evidence and judgement are stored with the model's run. If a promotion is interrupted, the
    next check completes it.

    With --retrain on, each request becomes a challenger in shadow mode: archived transactions (FRAUD_ARCHIVE_URL) are
    joined with their labels in the ledger, and the champion's recipe is fitted on them. A model that does not pass its
    validation, as by `fraud-train validate`, is declined. The challenger decides no transactions until it has won its
    gate test and been promoted.
    """
    if every is not None and retrain == "off":
        raise click.UsageError("--every works only with --retrain on; add --retrain on")
    if options["thresholds"] is not None and retrain == "off":
        raise click.UsageError("--thresholds works only with --retrain on; add --retrain on")
    try:
        from training.commands.jobs.watch import watch_models  # noqa: PLC0415 - training alone needs no ledger
    except ImportError as error:
        raise MissingPackageError("fraud-train watch", error.name, "training,ledger,archive") from error
    watch_models(retrain=retrain == "on", every=every, **options)

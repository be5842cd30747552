"""The command `fraud-train watch`."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import click

from schemas.errors import FraudError
from stream.commands.command_line import examples
from stream.settings import read_settings
from training.commands.options import VAR, store_option
from training.commands.registry_options import bootstrap_option, kafka_settings, open_promoter
from training.commands.study_options import open_mlflow

#: Lock file that allows only one process at a time to retrain.
RETRAIN_LOCK = VAR / "retrain.lock"
#: A periodic check that returns the lines to print.
Check = Callable[[], list[str]]


@click.command(
    short_help="Promote gate winners and handle retraining requests.",
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
@click.option("--once", is_flag=True, help="Check once and exit.")
@click.option("--interval", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds between checks.")
@bootstrap_option
@store_option
def watch(
    *,
    mode: str,
    retrain: str,
    every: float | None,
    once: bool,
    interval: float,
    bootstrap: str | None,
    store: str | None,
) -> None:
    """Promote challengers that win their gate test, and handle retraining requests.

    The gate in the ledger (FRAUD_LEDGER_URL) decides whether a challenger is better than the champion. This command
    promotes the winner, because only `fraud-train` has access to MLflow. A promotion is first written to Kafka's
    control topic; then plan, evidence and judgement are stored with the model's run. If a promotion is interrupted, the
    next check completes it.

    With --retrain on, each request becomes a challenger in shadow mode: archived transactions (FRAUD_ARCHIVE_URL) are
    joined with their labels in the ledger, and the champion's recipe is fitted on them. The challenger decides no
    transactions until it has won its gate test and been promoted.
    """
    if every is not None and retrain == "off":
        raise click.UsageError("--every works only with --retrain on; add --retrain on")
    try:
        with ExitStack() as locks:
            checks = [_gate_check(store, bootstrap, mode)]
            if retrain == "on":
                checks.append(_retrain_check(store, bootstrap, every, locks))
            _repeat(checks, once=once, interval=interval)
    except ImportError as error:
        raise FraudError(
            f"fraud-train watch needs {error.name}, which is not installed; "
            "run: pip install 'fraud-stream[ledger,archive]'"
        ) from error


def _repeat(checks: list[Check], *, once: bool, interval: float) -> None:
    """Run the checks periodically, and print each line that the previous round of checks did not print."""
    printed: list[str] = []
    while True:
        lines: list[str] = []
        for check in checks:
            try:
                lines += check()
            except FraudError as error:
                if once:
                    raise
                lines.append(f"{error}; the next check tries again")
        for line in lines:
            if line not in printed:
                click.echo(line)
        printed = lines
        if once:
            return
        time.sleep(interval)


def _gate_check(store: str | None, bootstrap: str | None, mode: str) -> Check:
    from stream.ledger.database import open_engine  # noqa: PLC0415 - training alone needs no ledger
    from stream.ledger.gate_store import GateStore  # noqa: PLC0415 - as above
    from training.registry.auto_promote import auto_promote  # noqa: PLC0415 - as above

    tests = GateStore(open_engine(read_settings().ledger.url))
    return lambda: auto_promote(open_promoter(store, bootstrap), tests, mode)  # type: ignore[arg-type]  # a choice of click


def _retrain_check(store: str | None, bootstrap: str | None, every: float | None, locks: ExitStack) -> Check:
    from stream.ledger.database import open_engine  # noqa: PLC0415 - training alone needs no ledger
    from training.drift.concept_monitor import ConceptMonitor  # noqa: PLC0415 - as above
    from training.retrain.retrain_triggers import RetrainTriggers  # noqa: PLC0415 - as above
    from training.retrain.retrainer import Retrainer  # noqa: PLC0415 - as above, nor an archive
    from training.retrain.runs import RetrainRuns  # noqa: PLC0415 - as above
    from training.study.lock import single_instance  # noqa: PLC0415 - as above
    from training.study.runs import StudyRuns  # noqa: PLC0415 - as above

    settings = kafka_settings(bootstrap)
    locks.enter_context(single_instance(RETRAIN_LOCK, "fraud-train watch that retrains"))
    ledger = open_engine(settings.ledger.url)
    triggers = RetrainTriggers(ConceptMonitor(ledger, settings.gate, settings.topic), settings, every_days=every)

    def check() -> list[str]:
        promoter, mlflow = open_promoter(store, bootstrap), open_mlflow()
        retrainer = Retrainer(promoter, RetrainRuns(mlflow), StudyRuns(mlflow), ledger, settings)
        return triggers.check(promoter) + retrainer.handle_open_requests()

    return check

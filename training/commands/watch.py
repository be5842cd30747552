"""`fraud-train watch`."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import click

from schemas.errors import FraudError
from stream.commands.command_line import examples
from stream.settings import read_settings
from training.commands.options import VAR, store_option
from training.commands.registry_options import bootstrap_option, open_promoter
from training.commands.study_options import open_mlflow

#: What one process at a time that retrains holds.
LOCK = VAR / "retrain.lock"
#: Does one thing; returns a line for whoever looks on.
Look = Callable[[], list[str]]


@click.command(
    epilog=examples(
        "fraud-train watch --once",
        "fraud-train watch --mode auto --bootstrap 127.0.0.1:9092",
        "fraud-train watch --retrain on --every 90 --bootstrap 127.0.0.1:9092",
    )
)
@click.option(
    "--mode",
    type=click.Choice(("off", "propose", "auto")),
    default="propose",
    show_default=True,
    help="off: say how tests stand. propose: say how to promote what has won. auto: promote it.",
)
@click.option(
    "--retrain",
    type=click.Choice(("off", "on")),
    default="off",
    show_default=True,
    help="on: work what is asked for on retrain-requests, and ask when labels say that the champion errs more.",
)
@click.option(
    "--every", type=click.FloatRange(min=0, min_open=True), metavar="DAYS", help="Ask when the champion is older."
)
@click.option("--once", is_flag=True, help="Look once instead of for ever.")
@click.option("--interval", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds between looks.")
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
    """Act on the verdicts that the ledger's gate has come to, and on requests for a new model.

    The ledger (FRAUD_LEDGER_URL) says which challenger is better; only training knows MLflow, so promoting is done
    here. A promotion is written to Kafka's control topic first, with plan, evidence and judgement kept in the model's
    run; one that was cut short half-way is finished by the next look.

    With --retrain on, a request becomes a challenger that watches: archived transactions (FRAUD_ARCHIVE_URL) joined
    with what the ledger knows of them, the champion's settings fitted anew. It decides nothing before the gate.
    """
    if retrain == "on" and bootstrap is None:
        raise click.UsageError("--retrain on reads requests from Kafka and tells its workers: give --bootstrap")
    if every is not None and retrain == "off":
        raise click.UsageError("--every asks for what --retrain on works: give that too")
    try:
        with ExitStack() as held:
            looks = [_gate(store, bootstrap, mode)]
            if retrain == "on" and bootstrap is not None:
                looks.append(_retraining(store, bootstrap, every, held))
            _repeat(looks, once=once, interval=interval)
    except ImportError as error:
        raise FraudError(
            f"{error.name} is not installed; to watch needs: pip install 'fraud-stream[ledger,archive]'"
        ) from error


def _repeat(looks: list[Look], *, once: bool, interval: float) -> None:
    said: list[str] = []
    while True:
        lines: list[str] = []
        for look in looks:
            try:
                lines += look()
            except FraudError as error:
                if once:
                    raise
                lines.append(f"{error}; the next look tries again")
        for line in lines:
            if line not in said:
                click.echo(line)
        said = lines
        if once:
            return
        time.sleep(interval)


def _gate(store: str | None, bootstrap: str | None, mode: str) -> Look:
    from stream.ledger.database import open_engine  # noqa: PLC0415 - training alone needs no ledger
    from stream.ledger.gate_store import GateStore  # noqa: PLC0415 - likewise
    from training.registry.auto_promote import act  # noqa: PLC0415 - likewise

    tests = GateStore(open_engine(read_settings().ledger.url))
    return lambda: act(open_promoter(store, bootstrap), tests, mode)  # type: ignore[arg-type]  # click's choices are ours


def _retraining(store: str | None, bootstrap: str, every: float | None, held: ExitStack) -> Look:
    from stream.ledger.database import open_engine  # noqa: PLC0415 - training alone needs no ledger
    from training.drift.concept_monitor import ConceptMonitor  # noqa: PLC0415 - likewise
    from training.retrain.retrain_triggers import RetrainTriggers  # noqa: PLC0415 - likewise
    from training.retrain.retrainer import Retrainer  # noqa: PLC0415 - likewise, nor an archive
    from training.retrain.runs import RetrainRuns  # noqa: PLC0415 - likewise
    from training.study.lock import only_one  # noqa: PLC0415 - likewise
    from training.study.runs import StudyRuns  # noqa: PLC0415 - likewise

    settings = read_settings().replace(kafka_bootstrap=bootstrap)
    held.enter_context(only_one(LOCK, "fraud-train watch that retrains"))
    ledger = open_engine(settings.ledger.url)
    asker = RetrainTriggers(ConceptMonitor(ledger, settings), settings, every_days=every)

    def look() -> list[str]:
        promoter, mlflow = open_promoter(store, bootstrap), open_mlflow()
        retrainer = Retrainer(promoter, RetrainRuns(mlflow), StudyRuns(mlflow), ledger, settings)
        return asker.look(promoter) + retrainer.look()

    return look

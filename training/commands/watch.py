"""`fraud-train watch`."""

import logging
import time

import click

from schemas.errors import FraudError
from stream.settings import read_settings
from training.commands.display import examples
from training.commands.options import store_option
from training.commands.registry_desk import bootstrap_option, open_promoter

log = logging.getLogger(__name__)


@click.command(
    epilog=examples(
        "fraud-train watch --once",
        "fraud-train watch --mode auto --bootstrap 127.0.0.1:9092",
    )
)
@click.option(
    "--mode",
    type=click.Choice(("off", "propose", "auto")),
    default="propose",
    show_default=True,
    help="off: say how tests stand. propose: say how to promote what has won. auto: promote it.",
)
@click.option("--once", is_flag=True, help="Look once instead of for ever.")
@click.option("--interval", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds between looks.")
@bootstrap_option
@store_option
def watch(*, mode: str, once: bool, interval: float, bootstrap: str | None, store: str | None) -> None:
    """Act on the verdicts that the ledger's gate has come to.

    The ledger (FRAUD_LEDGER_URL) says which challenger is better; only training knows MLflow, so promoting is done
    here. A promotion is written to Kafka's control topic first, with plan, evidence and judgement kept in the model's
    run; one that was cut short half-way is finished by the next look.
    """
    try:
        from stream.ledger.database import open_engine  # noqa: PLC0415 - training alone needs no ledger
        from stream.ledger.gate_store import GateStore  # noqa: PLC0415 - likewise
        from training.registry.act import act  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise FraudError(
            f"{error.name} is not installed; to watch needs: pip install 'fraud-stream[ledger]'"
        ) from error
    tests, said = GateStore(open_engine(read_settings().ledger_url)), list[str]()
    while True:
        try:
            lines = act(open_promoter(store, bootstrap), tests, mode)  # type: ignore[arg-type]  # click's choices are ours
        except FraudError as error:
            if once:
                raise
            lines = [f"{error}; the next look tries again"]
        for line in lines:
            if line not in said:
                click.echo(line)
        said = lines
        if once:
            return
        time.sleep(interval)

"""`fraud-train retrain`."""

import click

from schemas.errors import RolesError
from stream.commands.command_line import examples
from stream.control.retrain_requests import new_request, request_retraining
from stream.control.role_reader import current_roles
from stream.settings import read_settings
from training.commands.registry_options import who_option


@click.command(epilog=examples('fraud-train retrain --why "a new kind of terminal" --bootstrap 127.0.0.1:9092'))
@click.option("--why", required=True, help="The reason, kept with the request.")
@who_option
@click.option("--bootstrap", help="Kafka, host:port.  [default: FRAUD_KAFKA_BOOTSTRAP]")
def retrain(*, why: str, who: str, bootstrap: str | None) -> None:
    """Ask for a model in the champion's place, made as the champion was of what is known by now.

    `fraud-train watch --retrain on` works the request; the new model watches, and the gate judges it. Nothing is asked
    where somebody has asked already and was not answered yet.
    """
    settings = read_settings()
    settings = settings.replace(kafka_bootstrap=bootstrap or settings.kafka.bootstrap)
    roles = current_roles(settings)
    if roles is None:
        raise RolesError("nobody is champion yet; train and publish one with: fraud-train baseline --bootstrap")
    request = new_request("hand", roles.champion.sha256, " ".join(why.split()), author=who)
    asked = request_retraining(settings, request)
    click.echo(f"bundle {roles.champion.path}: {asked.what}")

"""The command `fraud-train retrain`."""

import click

from schemas.errors import RolesError
from stream.commands.command_line import examples
from stream.commands.role_change_options import author_option
from stream.control.retrain_requests import new_request, request_retraining
from stream.control.role_reader import current_roles
from training.commands.registry_options import bootstrap_option, kafka_settings


@click.command(
    epilog=examples('fraud-train retrain --reason "a new kind of terminal" --bootstrap 127.0.0.1:9092'),
)
@click.option("--reason", required=True, help="Reason for retraining, stored with the request.")
@author_option
@bootstrap_option
def retrain(*, reason: str, author: str, bootstrap: str | None) -> None:
    """Request a retrained model: the champion's recipe, fitted on all transactions and labels so far.

    `fraud-train watch --retrain on` handles the request. The new model starts as a challenger, and the gate decides
    whether it may be promoted. No request is written while an earlier request is still open.
    """
    settings = kafka_settings(bootstrap)
    roles = current_roles(settings.kafka, settings.topic)
    if roles is None:
        raise RolesError("there is no champion yet; train and publish one with: fraud-train baseline --bootstrap")
    request = new_request("hand", roles.champion.sha256, " ".join(reason.split()), author=author)
    result = request_retraining(settings.kafka, settings.topic, settings.retrain, request)
    click.echo(f"bundle {roles.champion.path}: {result.detail}")

"""What the registry's commands share: their options, and how they get at MLflow, the bundle store and Kafka."""

import getpass
from typing import TYPE_CHECKING

import click

from stream.models.bundle_store import BundleStore
from stream.settings import read_settings
from training.commands.options import VAR

if TYPE_CHECKING:
    from training.registry.promote import Promoter


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "fraud-train"


bootstrap_option = click.option(
    "--bootstrap", help="Kafka, host:port: tell the stream's workers too, after MLflow has been reconciled with Kafka."
)
why_option = click.option("--why", required=True, help="The reason, kept in the history.")
who_option = click.option("--who", default=_user, show_default="your user name", help="Who decided it.")


def open_store(store: str | None) -> BundleStore:
    """Open the bundle store that an option or a setting names.

    Raises:
        BundleMissingError: If it cannot be opened.
        SettingsError: If a setting cannot be used.
    """
    return BundleStore(store or read_settings().bundle.store)


def open_promoter(store: str | None, bootstrap: str | None) -> "Promoter":
    """Open MLflow and the bundle store, and with a bootstrap address Kafka.

    Raises:
        FraudError: If a setting cannot be used, the store cannot be opened, or MLflow is away.
    """
    settings = read_settings()
    bundles = open_store(store)
    # MLflow takes seconds to import; help and bad usage are told at once.
    from training.registry.connection import connect  # noqa: PLC0415
    from training.registry.history import History  # noqa: PLC0415
    from training.registry.promote import Promoter  # noqa: PLC0415
    from training.registry.runs import MlflowRuns  # noqa: PLC0415
    from training.registry.versions import Registry  # noqa: PLC0415

    mlflow = connect(VAR)
    kafka = settings.replace(kafka_bootstrap=bootstrap) if bootstrap else None
    return Promoter(Registry(mlflow), History(mlflow), MlflowRuns(mlflow), bundles, kafka)

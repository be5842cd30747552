"""Options and connections that the registry commands share."""

from typing import TYPE_CHECKING

import click

from stream.models.bundle_store import BundleStore
from stream.settings import Settings, read_settings
from training.commands.options import VAR

if TYPE_CHECKING:
    from training.registry.access import RegistryAccess
    from training.registry.promote import Promoter

bootstrap_option = click.option("--bootstrap", help="Kafka broker, host:port.  [default: FRAUD_KAFKA_BOOTSTRAP]")
reason_option = click.option("--reason", required=True, help="Reason for the change, recorded in the history.")


def kafka_settings(bootstrap: str | None) -> Settings:
    """Return the settings, with the Kafka broker from --bootstrap if that option is given.

    Raises:
        SettingsError: If a setting cannot be used.
    """
    settings = read_settings()
    return settings.replace(kafka_bootstrap=bootstrap) if bootstrap else settings


def open_store(store: str | None) -> BundleStore:
    """Open the bundle store given by --store or, without that option, by the settings.

    Raises:
        BundleMissingError: If the store cannot be opened.
        SettingsError: If a setting cannot be used.
    """
    return BundleStore(store or read_settings().bundle.store)


def open_registry(store: str | None) -> "RegistryAccess":
    """Connect to MLflow and the bundle store.

    Raises:
        FraudError: If a setting cannot be used, the store cannot be opened, or MLflow is unavailable.
    """
    bundles = open_store(store)
    from training.registry.access import access_registry  # noqa: PLC0415 - MLflow takes seconds to import

    return access_registry(VAR, bundles)


def open_promoter(store: str | None, bootstrap: str | None) -> "Promoter":
    """Connect to MLflow and the bundle store, and prepare to change roles on Kafka.

    Args:
        store: Bundle store; None for the bundle store in the settings.
        bootstrap: Kafka broker; None for the broker in the settings.

    Raises:
        FraudError: If a setting cannot be used, the store cannot be opened, or MLflow is unavailable.
    """
    settings, bundles = kafka_settings(bootstrap), open_store(store)
    from training.registry.access import make_promoter  # noqa: PLC0415 - MLflow takes seconds to import

    return make_promoter(VAR, bundles, settings)

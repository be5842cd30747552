"""Opens the registry: MLflow, its registered versions and the bundle store."""

from pathlib import Path
from typing import NamedTuple

from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from training.registry.connection import connect
from training.registry.history import PromotionHistory
from training.registry.promote import Promoter
from training.registry.runs import MlflowRuns
from training.registry.versions import Registry


class RegistryAccess(NamedTuple):
    """Registered versions, MLflow runs and bundles, for commands that change no roles."""

    registry: Registry
    runs: MlflowRuns
    store: BundleStore


def access_registry(var: Path, store: BundleStore) -> RegistryAccess:
    """Connect to MLflow.

    Args:
        var: Directory of MLflow's SQLite database, which is used unless MLFLOW_TRACKING_URI is set.
        store: Bundle store of the registered versions.

    Raises:
        RegistryError: If MLflow is unavailable.
    """
    mlflow = connect(var)
    return RegistryAccess(Registry(mlflow), MlflowRuns(mlflow), store)


def make_promoter(var: Path, store: BundleStore, settings: Settings) -> Promoter:
    """Connect to MLflow, and prepare to change roles on Kafka.

    Args:
        var: Directory of MLflow's SQLite database, which is used unless MLFLOW_TRACKING_URI is set.
        store: Bundle store of the registered versions.
        settings: Settings of Kafka and its topics.

    Raises:
        RegistryError: If MLflow is unavailable.
    """
    mlflow = connect(var)
    return Promoter(Registry(mlflow), PromotionHistory(mlflow), MlflowRuns(mlflow), store, settings)

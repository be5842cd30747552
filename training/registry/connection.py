"""The door to MLflow: which one, how long to wait for it, and one clear line when it fails."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from schemas.errors import FraudError, RegistryError

#: What MLflow's own client would do otherwise: try an absent server for four minutes, and draw bars of its own.
_DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


@dataclass(frozen=True)
class MlflowConnection:
    """An MLflow, not yet spoken to."""

    client: MlflowClient
    #: Tracking and registry alike.
    uri: str
    #: Where new experiments keep their artifacts; None where a server knows its own place.
    artifacts: str | None

    def clear_errors(self) -> AbstractContextManager[None]:
        """Turn what MLflow raises into one line; only around calls of MLflow itself.

        Raises:
            RegistryError: In its place.
        """
        return _clear_errors(self.uri)


def connect(root: Path) -> MlflowConnection:
    """Choose MLflow: the one MLFLOW_TRACKING_URI names, else SQLite with its artifacts under `root`.

    Raises:
        RegistryError: If the database cannot be opened. (A server that is away shows at the first call.)
    """
    for name in ("mlflow", "alembic"):
        # Tables being made and such; what fails is raised, and MLflow's log would repeat it with a traceback.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return _open(uri, None)
    database = root.resolve() / "mlflow.db"
    try:
        root.mkdir(parents=True, exist_ok=True)
        # MLflow itself would try ten times over a minute and a half to open what cannot be opened.
        database.open("ab").close()
    except OSError as error:
        raise RegistryError(f"{database} cannot be written ({error.strerror}); see MLFLOW_TRACKING_URI") from error
    return _open(f"sqlite:///{database}", (root.resolve() / "mlartifacts").as_uri())


def _open(uri: str, artifacts: str | None) -> MlflowConnection:
    with _clear_errors(uri):
        return MlflowConnection(MlflowClient(uri, registry_uri=uri), uri, artifacts)


@contextmanager
def _clear_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except FraudError:
        raise
    except Exception as error:  # databases and artifact stores raise classes of their own through MLflow
        text = f"MLflow at {uri}: {str(error).partition(chr(10))[0]}; see MLFLOW_TRACKING_URI"
        # The URI may carry a password, and MLflow repeats it.
        raise RegistryError(re.sub(r"//[^/@\s]*@", "//", text)) from error

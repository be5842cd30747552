"""The connection to MLflow: which one, how long to wait for it, and one clear line when it fails."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from schemas.errors import FraudError, RegistryError

#: By default MLflow's client retries an unavailable server for four minutes and draws progress bars of its own.
_DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


@dataclass(frozen=True)
class MlflowConnection:
    """An MLflow; creating the connection sends no request."""

    client: MlflowClient
    #: URI of both tracking and registry.
    uri: str
    #: Location of the artifacts of new experiments; None if the server decides.
    artifacts: str | None

    def clear_errors(self) -> AbstractContextManager[None]:
        """Turn errors of MLflow into one line; use it around calls of MLflow only.

        Raises:
            RegistryError: In place of any other error.
        """
        return _clear_errors(self.uri)


def connect(root: Path) -> MlflowConnection:
    """Return the MLflow that MLFLOW_TRACKING_URI names, or else SQLite with its artifacts under `root`.

    Raises:
        RegistryError: If the database cannot be opened. (An unavailable server is noticed at the first call.)
    """
    for name in ("mlflow", "alembic"):
        # They log migrations, and each failure with a traceback although it is raised too.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return _open(uri, None)
    database = root.resolve() / "mlflow.db"
    try:
        root.mkdir(parents=True, exist_ok=True)
        # MLflow would try ten times in a minute and a half to open a file that cannot be opened.
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
    except Exception as error:  # databases and artifact stores raise errors of their own through MLflow
        text = f"MLflow at {uri}: {str(error).partition(chr(10))[0]}; see MLFLOW_TRACKING_URI"
        # The URI may contain a password, which MLflow's errors repeat.
        raise RegistryError(re.sub(r"//[^/@\s]*@", "//", text)) from error

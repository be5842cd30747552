"""Connect to MLflow: choose the server or database, limit waiting times, and turn failures into one-line errors."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from schemas.errors import FraudError, RegistryError

#: By default, MLflow's client retries an unavailable server for four minutes and draws its own progress bars.
_DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


@dataclass(frozen=True)
class MlflowConnection:
    """A connection to MLflow. Creating it sends no request."""

    client: MlflowClient
    #: URI of both the tracking server and the model registry.
    uri: str
    #: Where new experiments store their artifacts; None if the server decides.
    artifacts: str | None

    def clear_errors(self) -> AbstractContextManager[None]:
        """Turn errors raised by MLflow into one-line errors. Use this only around calls to MLflow.

        Raises:
            RegistryError: In place of any error raised by MLflow.
        """
        return _clear_errors(self.uri)


def connect(root: Path) -> MlflowConnection:
    """Return a connection to MLFLOW_TRACKING_URI if it is set, else to a SQLite database, with artifacts, under `root`.

    Raises:
        RegistryError: If the database cannot be opened. (An unavailable server raises an error at the first call.)
    """
    for name in ("mlflow", "alembic"):
        # These loggers report migrations, and every failure with a traceback although the error is also raised.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return _open(uri, None)
    database = root.resolve() / "mlflow.db"
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Checked first, because MLflow would spend a minute and a half on ten attempts to open a file that cannot be
        # opened.
        database.open("ab").close()
    except OSError as error:
        raise RegistryError(
            f"cannot write to {database} ({error.strerror}); fix its permissions or set MLFLOW_TRACKING_URI"
        ) from error
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

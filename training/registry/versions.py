"""The registered model `fraud`: its versions with their lineage as tags, and its aliases."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from schemas.errors import RegistryError
from schemas.messages import BundleRef
from training.registry.connection import MlflowConnection

REGISTERED_MODEL = "fraud"
#: Names of aliases. Additional challengers are `challenger-2`, `challenger-3`, …
STAGING, CHALLENGER, CHAMPION, PREVIOUS = "staging", "challenger", "champion", "previous"
#: Tags that name the bundle. The hash is the last tag to be written, so a version without it is incomplete.
BUNDLE_VERSION, BUNDLE_PATH, BUNDLE_SHA256 = "bundle_version", "bundle_path", "bundle_sha256"
#: Number of versions that one request to MLflow returns.
_PAGE = 1000


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered model."""

    #: Version number in MLflow, starting at "1".
    number: str
    run_id: str
    tags: dict[str, str]

    @property
    def finished(self) -> bool:
        """True if the registration of the version was completed."""
        return BUNDLE_SHA256 in self.tags

    @property
    def bundle(self) -> BundleRef:
        """The version's bundle.

        Raises:
            RegistryError: If the registration of the version was interrupted.
        """
        if not self.finished:
            raise RegistryError(
                f"the registration of version {self.number} was interrupted; "
                f"register its run again: fraud-train register {self.run_id}"
            )
        version = self.tags[BUNDLE_VERSION]
        path = self.tags.get(BUNDLE_PATH, f"{REGISTERED_MODEL}/{version}")
        return BundleRef(REGISTERED_MODEL, version, path, self.tags[BUNDLE_SHA256])


class Registry:
    """The versions and aliases of `fraud`. The registered model is created if it does not exist.

    Every method raises RegistryError when MLflow is unavailable or rejects the request.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._mlflow = connection
        ensure_model(connection, REGISTERED_MODEL, "The fraud scorer's models. Each version is one bundle.")

    def find(self, which: str) -> RegisteredVersion:
        """Return a version by its number or an alias.

        Raises:
            RegistryError: If there is no version with this number or alias.
        """
        aliases = self.aliases()
        number = aliases.get(which, which)
        with self._mlflow.clear_errors():
            try:
                return _read(self._mlflow.client.get_model_version(REGISTERED_MODEL, number))
            except MlflowException as error:
                if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    raise
        if which in aliases:
            raise RegistryError(
                f"alias {which} points at version {number}, which does not exist; stage or promote another version"
            )
        raise RegistryError(f"{REGISTERED_MODEL} has no version or alias {which!r}; register a run first")

    def all(self) -> list[RegisteredVersion]:
        """Return every version, including incomplete versions, oldest first."""
        return [_read(version) for version in read_versions(self._mlflow, REGISTERED_MODEL)]

    def by_bundle(self) -> dict[str, RegisteredVersion]:
        """Return the complete versions, keyed by the SHA-256 of their bundles."""
        return {version.bundle.sha256: version for version in self.all() if version.finished}

    def aliases(self) -> dict[str, str]:
        """Return the version number of each alias."""
        with self._mlflow.clear_errors():
            aliases = self._mlflow.client.get_registered_model(REGISTERED_MODEL).aliases
        return {alias: str(number) for alias, number in aliases.items()}

    def set_alias(self, alias: str, number: str) -> None:
        """Point an alias at a version."""
        assign = partial(self._mlflow.client.set_registered_model_alias, REGISTERED_MODEL, alias, number)
        with self._mlflow.clear_errors():
            try:
                assign()
            except MlflowException as error:
                if error.error_code != "BAD_REQUEST":
                    raise
                # Two processes created the alias at once, and MLflow's database accepts only one new row.
                assign()

    def drop_alias(self, alias: str) -> None:
        """Remove an alias."""
        with self._mlflow.clear_errors():
            self._mlflow.client.delete_registered_model_alias(REGISTERED_MODEL, alias)

    def reserve(self, run_id: str, source: str, tags: Mapping[str, str]) -> str:
        """Create a version, which is incomplete at first, and return its number.

        Args:
            run_id: Id of the run that contains the bundle.
            source: Location of the bundle in the run's artifact store.
            tags: Lineage of the version.
        """
        with self._mlflow.clear_errors():
            made = self._mlflow.client.create_model_version(REGISTERED_MODEL, source, run_id, tags=dict(tags))
        return str(made.version)

    def complete(self, number: str, bundle: BundleRef) -> None:
        """Record the bundle of a reserved version, which can then be staged and promoted."""
        tags = {BUNDLE_VERSION: bundle.version, BUNDLE_PATH: bundle.path, BUNDLE_SHA256: bundle.sha256}
        with self._mlflow.clear_errors():
            for name, value in tags.items():
                self._mlflow.client.set_model_version_tag(REGISTERED_MODEL, number, name, value)

    def delete(self, number: str) -> None:
        """Delete a version. Its number is never reused."""
        with self._mlflow.clear_errors():
            self._mlflow.client.delete_model_version(REGISTERED_MODEL, number)


def ensure_model(connection: MlflowConnection, name: str, description: str) -> None:
    """Create a registered model unless it exists.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    client = connection.client
    with connection.clear_errors():
        if client.search_registered_models(f"name = '{name}'"):
            return
        try:
            client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process created it
                raise


def read_versions(connection: MlflowConnection, name: str) -> list[ModelVersion]:
    """Return every version of a registered model, oldest first.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    versions: list[ModelVersion] = []
    token = None
    with connection.clear_errors():
        while True:
            page = connection.client.search_model_versions(
                f"name = '{name}'", max_results=_PAGE, order_by=["version_number ASC"], page_token=token
            )
            versions += page
            token = page.token
            if not token:
                return versions


def _read(version: ModelVersion) -> RegisteredVersion:
    return RegisteredVersion(str(version.version), version.run_id or "", dict(version.tags))

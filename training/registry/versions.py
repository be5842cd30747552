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
#: Aliases. Further challengers are `challenger-2`, `challenger-3`, …
STAGING, CHALLENGER, CHAMPION, PREVIOUS = "staging", "challenger", "champion", "previous"
#: Tags that name the bundle. The hash is written last of all tags: a version without it was never finished.
BUNDLE_VERSION, BUNDLE_PATH, BUNDLE_SHA256 = "bundle_version", "bundle_path", "bundle_sha256"
#: Versions read at once.
_PAGE = 1000


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered model."""

    #: MLflow's own count, from "1".
    number: str
    run_id: str
    tags: dict[str, str]

    @property
    def finished(self) -> bool:
        """Whether its registration came to its end."""
        return BUNDLE_SHA256 in self.tags

    @property
    def bundle(self) -> BundleRef:
        """Its bundle.

        Raises:
            RegistryError: If its registration was cut off.
        """
        if not self.finished:
            raise RegistryError(
                f"version {self.number} was cut off while it was registered; "
                f"register its run again: fraud-train register {self.run_id}"
            )
        version = self.tags[BUNDLE_VERSION]
        path = self.tags.get(BUNDLE_PATH, f"{REGISTERED_MODEL}/{version}")
        return BundleRef(REGISTERED_MODEL, version, path, self.tags[BUNDLE_SHA256])


class Registry:
    """The versions and aliases of `fraud`; the registered model is made if it is not there.

    Every method raises RegistryError when MLflow is away or refuses.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._mlflow = connection
        ensure_model(connection, REGISTERED_MODEL, "The fraud scorer's models. Each version is one bundle.")

    def find(self, which: str) -> RegisteredVersion:
        """Return a version by its number or by an alias.

        Raises:
            RegistryError: If there is none, or the alias leads nowhere.
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
                f"alias {which} leads to version {number}, which is not there; stage or promote another"
            )
        raise RegistryError(f"{REGISTERED_MODEL} has no version or alias {which!r}; register a run first")

    def all(self) -> list[RegisteredVersion]:
        """Return every version, oldest first, unfinished ones too."""
        return [_read(version) for version in read_versions(self._mlflow, REGISTERED_MODEL)]

    def by_bundle(self) -> dict[str, RegisteredVersion]:
        """Return the finished versions by their bundle's hash."""
        return {version.bundle.sha256: version for version in self.all() if version.finished}

    def aliases(self) -> dict[str, str]:
        """Return each alias's version number."""
        with self._mlflow.clear_errors():
            aliases = self._mlflow.client.get_registered_model(REGISTERED_MODEL).aliases
        return {alias: str(number) for alias, number in aliases.items()}

    def set_alias(self, alias: str, number: str) -> None:
        """Give an alias to a version, taking it from another."""
        give = partial(self._mlflow.client.set_registered_model_alias, REGISTERED_MODEL, alias, number)
        with self._mlflow.clear_errors():
            try:
                give()
            except MlflowException as error:
                if error.error_code != "BAD_REQUEST":
                    raise
                # Two gave a new alias at once, and MLflow's database takes only one new row; now the row is there.
                give()

    def drop_alias(self, alias: str) -> None:
        """Take an alias away."""
        with self._mlflow.clear_errors():
            self._mlflow.client.delete_registered_model_alias(REGISTERED_MODEL, alias)

    def reserve(self, run_id: str, source: str, tags: Mapping[str, str]) -> str:
        """Make a version that is not finished yet, and return its number.

        Args:
            run_id: Of the run that holds the bundle.
            source: Where its artifact store holds the bundle.
            tags: Its lineage.
        """
        with self._mlflow.clear_errors():
            made = self._mlflow.client.create_model_version(REGISTERED_MODEL, source, run_id, tags=dict(tags))
        return str(made.version)

    def finish(self, number: str, bundle: BundleRef) -> None:
        """Name a reserved version's bundle: from now on it may be staged and promoted."""
        tags = {BUNDLE_VERSION: bundle.version, BUNDLE_PATH: bundle.path, BUNDLE_SHA256: bundle.sha256}
        with self._mlflow.clear_errors():
            for name, value in tags.items():
                self._mlflow.client.set_model_version_tag(REGISTERED_MODEL, number, name, value)

    def forget(self, number: str) -> None:
        """Delete a version; its number is never given again."""
        with self._mlflow.clear_errors():
            self._mlflow.client.delete_model_version(REGISTERED_MODEL, number)


def ensure_model(connection: MlflowConnection, name: str, description: str) -> None:
    """Make a registered model unless it is there.

    Raises:
        RegistryError: If MLflow is away or refuses.
    """
    client = connection.client
    with connection.clear_errors():
        if client.search_registered_models(f"name = '{name}'"):
            return
        try:
            client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # somebody was quicker
                raise


def read_versions(connection: MlflowConnection, name: str) -> list[ModelVersion]:
    """Return every version of a registered model, oldest first.

    Raises:
        RegistryError: If MLflow is away or refuses.
    """
    found: list[ModelVersion] = []
    token = None
    with connection.clear_errors():
        while True:
            page = connection.client.search_model_versions(
                f"name = '{name}'", max_results=_PAGE, order_by=["version_number ASC"], page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found


def _read(version: ModelVersion) -> RegisteredVersion:
    return RegisteredVersion(str(version.version), version.run_id or "", dict(version.tags))

"""Who became champion, when, why and on what evidence: Kafka's control topic, projected into MLflow.

The truth is the topic `model-updates`. `reconcile` copies each assignment of roles into MLflow, where each change is a
version of a registered model of its own, `fraud-promotions`, because MLflow keeps no history of aliases. MLflow creates
a version with its tags in one database transaction and numbers versions one by one, which is enough:

- A crash leaves a change written or not written, never half. Aliases follow the history: the next command sets what a
  crash left unset.
- Each change names the entry that it was based on (`after`). If two processes copy the same assignment at once, the
  first counts and the other is void, because a change that counts lies between it and its base. Every reader sees that
  from the numbers alone. The void entry stays, and its description says what it is. (While it was being deleted,
  readers could find it without its tags, which MLflow reads in a second step.)
"""

import contextlib
from dataclasses import dataclass

import msgspec
from mlflow.entities.model_registry import ModelVersion
from msgspec import Struct

from schemas.errors import RegistryError, StaleEpochError
from schemas.messages import AuditEvidence, BundleRef, Challenger, RoleAction
from training.registry.connection import MlflowConnection
from training.registry.versions import ensure_model, read_versions

HISTORY = "fraud-promotions"
_CHANGE = "change"


class RoleChange(Struct, frozen=True):
    """A change of roles, with all roles as they were after it."""

    action: RoleAction
    champion: BundleRef
    #: The champion before this one.
    previous: BundleRef | None
    challengers: tuple[Challenger, ...]
    author: str
    reason: str
    #: None if none was given.
    evidence: AuditEvidence | None
    #: UTC milliseconds.
    written_at_ms: int
    #: Epoch of the assignment on Kafka's control topic.
    role_epoch: int


@dataclass(frozen=True)
class HistoryEntry:
    """A change that counts, with its number."""

    number: int
    change: RoleChange


class PromotionHistory:
    """The changes of roles in MLflow; the registered model is created if it does not exist.

    Every method raises RegistryError when MLflow is unavailable or rejects the request.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._mlflow = connection
        ensure_model(connection, HISTORY, "Who became champion of `fraud`, when and why. Written by fraud-train only.")

    def entries(self) -> list[HistoryEntry]:
        """Return the changes that count, oldest first.

        Raises:
            RegistryError: If an entry cannot be read.
        """
        counting: list[HistoryEntry] = []
        for version in read_versions(self._mlflow, HISTORY):
            number, (after, change) = int(version.version), _decode(version)
            if not counting or counting[-1].number <= after:
                counting.append(HistoryEntry(number, change))
        return counting

    def append(self, change: RoleChange, after: int) -> HistoryEntry:
        """Write a change.

        Args:
            change: Change to write.
            after: Number of the entry that it is based on; 0 for none.

        Raises:
            StaleEpochError: If another process wrote first; this change does not count.
        """
        source = f"bundle:/{change.champion.path}"
        text = f"{change.action} {change.champion.path} by {change.author}: {change.reason}"
        tags = {_CHANGE: msgspec.json.encode((after, change)).decode()}
        with self._mlflow.clear_errors():
            made = self._mlflow.client.create_model_version(HISTORY, source, tags=tags, description=text)
        number = int(made.version)
        if all(entry.number != number for entry in self.entries()):
            with contextlib.suppress(RegistryError), self._mlflow.clear_errors():
                self._mlflow.client.update_model_version(HISTORY, str(number), f"void, another was first: {text}")
            raise StaleEpochError("another process wrote the history first; see `fraud-train history` and decide again")
        return HistoryEntry(number, change)


def _decode(version: ModelVersion) -> tuple[int, RoleChange]:
    try:
        return msgspec.json.decode(version.tags[_CHANGE], type=tuple[int, RoleChange])
    except (KeyError, msgspec.DecodeError) as error:
        raise RegistryError(
            f"version {version.version} of {HISTORY} in MLflow is not a change of roles ({error}); delete that version"
        ) from error

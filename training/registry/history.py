"""Promotion history in MLflow, copied from Kafka's control topic: who became champion, when, why, on what evidence.

The topic `model-updates` is the source of truth. `reconcile` copies each role assignment into MLflow. MLflow keeps no
history of aliases, so each change is a version of a separate registered model, `fraud-promotions`. MLflow creates
a version with its tags in one database transaction and numbers versions consecutively. This has two consequences:

- A crash never leaves a change half-written. Aliases follow the history: the next command sets the aliases that a
  crash left unset.
- Each change names the entry that it is based on (`after`). If two processes copy the same assignment at once, the
  first entry counts and the second is void, because its base was no longer the newest entry. Every reader can tell
  this from the entry numbers alone. The void entry is kept, with a description that says that it is void. (While an
  entry is being deleted, a reader could see it without its tags, which MLflow reads in a second step.)
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
    """A change of roles, with all roles as they were after the change."""

    action: RoleAction
    champion: BundleRef
    #: The champion before this change.
    previous: BundleRef | None
    challengers: tuple[Challenger, ...]
    author: str
    reason: str
    #: Evidence for the change; None if none was given.
    evidence: AuditEvidence | None
    #: UTC milliseconds.
    written_at_ms: int
    #: Epoch of the assignment on Kafka's control topic.
    role_epoch: int


@dataclass(frozen=True)
class HistoryEntry:
    """A change of roles that is not void, with the number of its entry in the history."""

    number: int
    change: RoleChange


class PromotionHistory:
    """The changes of roles in MLflow. The registered model that stores them is created if it does not exist.

    Every method raises RegistryError when MLflow is unavailable or rejects the request.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._mlflow = connection
        ensure_model(connection, HISTORY, "Who became champion of `fraud`, when and why. Written by fraud-train only.")

    def entries(self) -> list[HistoryEntry]:
        """Return the changes that are not void, oldest first.

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
        """Append a change to the history.

        Args:
            change: Change to append.
            after: Number of the entry that the change is based on; 0 for none.

        Raises:
            StaleEpochError: If another process appended a change first, which makes this change void.
        """
        source = f"bundle:/{change.champion.path}"
        text = f"{change.action} {change.champion.path} by {change.author}: {change.reason}"
        tags = {_CHANGE: msgspec.json.encode((after, change)).decode()}
        with self._mlflow.clear_errors():
            made = self._mlflow.client.create_model_version(HISTORY, source, tags=tags, description=text)
        number = int(made.version)
        if all(entry.number != number for entry in self.entries()):
            with contextlib.suppress(RegistryError), self._mlflow.clear_errors():
                self._mlflow.client.update_model_version(
                    HISTORY, str(number), f"void, another change was first: {text}"
                )
            raise StaleEpochError("another process changed the roles first; see `fraud-train history` and decide again")
        return HistoryEntry(number, change)


def _decode(version: ModelVersion) -> tuple[int, RoleChange]:
    try:
        return msgspec.json.decode(version.tags[_CHANGE], type=tuple[int, RoleChange])
    except (KeyError, msgspec.DecodeError) as error:
        raise RegistryError(
            f"version {version.version} of {HISTORY} in MLflow is not a change of roles ({error}); delete that version"
        ) from error

"""Who became champion, when, why and on what evidence: an append-only history inside MLflow.

MLflow keeps no history of aliases, so each change is a version of a registered model of its own, `fraud-promotions`.
MLflow makes a version with its tags in one database transaction and counts versions one by one, which is all that
is needed:

- A crash leaves a change written or not written, never half. Aliases only follow (`reconcile.settle`): whoever comes
  next sets what a crash left unset.
- Each change names the one it was thought out on (`after`). Of two at once the first counts; the other one is void,
  because a change that counts stands between it and what it was thought out on. Every reader sees that from the
  numbers alone. Its writer is told so; the void entry stays, with a description that says what it is. (Deleted, it
  would for a moment be found without its tags by whoever reads: MLflow reads them second.)
"""

import contextlib
from dataclasses import dataclass

import msgspec
from mlflow.entities.model_registry import ModelVersion
from msgspec import Struct

from schemas.errors import RegistryError, StaleEpochError
from schemas.messages import AuditEvidence, BundleRef, Challenger, RoleAction
from training.registry.connection import Connection
from training.registry.versions import ensure_model, read_versions

HISTORY = "fraud-promotions"
_CHANGE = "change"


class Change(Struct, frozen=True):
    """One change of roles, whole: all that was true after it."""

    action: RoleAction
    champion: BundleRef
    #: The champion before this one.
    previous: BundleRef | None
    challengers: tuple[Challenger, ...]
    who: str
    why: str
    #: None if nothing was given.
    evidence: AuditEvidence | None
    #: UTC milliseconds.
    written_at_ms: int
    #: Of the assignment on Kafka's control topic; None for a change that only MLflow knows.
    role_epoch: int | None = None


@dataclass(frozen=True)
class Entry:
    """A change that counts, with its number."""

    number: int
    change: Change


class History:
    """The changes that count; made if it is not there.

    Every method raises RegistryError when MLflow is away or refuses.
    """

    def __init__(self, connection: Connection) -> None:
        self._mlflow = connection
        ensure_model(connection, HISTORY, "Who became champion of `fraud`, when and why. Written by fraud-train only.")

    def entries(self) -> list[Entry]:
        """Return the changes that count, oldest first.

        Raises:
            RegistryError: If an entry cannot be read.
        """
        counting: list[Entry] = []
        for version in read_versions(self._mlflow, HISTORY):
            number, (after, change) = int(version.version), _decode(version)
            if not counting or counting[-1].number <= after:
                counting.append(Entry(number, change))
        return counting

    def append(self, change: Change, after: int) -> Entry:
        """Write a change.

        Args:
            change: What to write.
            after: Number of the entry it was thought out on; 0 for none.

        Raises:
            StaleEpochError: If another change was quicker; this one does not count.
        """
        source = f"bundle:/{change.champion.path}"
        text = f"{change.action} {change.champion.path} by {change.who}: {change.why}"
        tags = {_CHANGE: msgspec.json.encode((after, change)).decode()}
        with self._mlflow.clear_errors():
            made = self._mlflow.client.create_model_version(HISTORY, source, tags=tags, description=text)
        number = int(made.version)
        if all(entry.number != number for entry in self.entries()):
            with contextlib.suppress(RegistryError), self._mlflow.clear_errors():
                self._mlflow.client.update_model_version(HISTORY, str(number), f"void, another was quicker: {text}")
            raise StaleEpochError("another promotion was quicker; look at `fraud-train history` and decide again")
        return Entry(number, change)


def _decode(version: ModelVersion) -> tuple[int, Change]:
    try:
        return msgspec.json.decode(version.tags[_CHANGE], type=tuple[int, Change])
    except (KeyError, msgspec.DecodeError) as error:
        raise RegistryError(
            f"version {version.version} of {HISTORY} in MLflow is no change of ours ({error}); delete that version"
        ) from error

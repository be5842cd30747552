"""Keep the roles from the last baseline in a file, from which they can be published to any broker."""

from pathlib import Path

import msgspec
from msgspec import Struct

from schemas.errors import DataError
from schemas.messages import BundleRef, Challenger, ModelUpdate
from stream.control.role_writer import publish_roles
from stream.settings import Settings

#: Name recorded as the author of the baseline's roles.
AUTHOR = "fraud-train"


class TrainedRoles(Struct, frozen=True):
    """The bundles of a baseline's champion and challengers, all in the same bundle store."""

    #: URL of the bundle store.
    store: str
    champion: BundleRef
    challengers: tuple[BundleRef, ...]


def save_roles(roles: TrainedRoles, path: Path) -> None:
    """Write trained roles to a file atomically, so that readers see either the old file or the new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode(roles), indent=2))
    scratch.replace(path)


def load_roles(path: Path) -> TrainedRoles:
    """Read the file of trained roles.

    Raises:
        DataError: If the file does not exist or cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainedRoles)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} lists no trained models ({error}); train them with: fraud-train baseline") from error


def publish(roles: TrainedRoles, settings: Settings, note: str) -> ModelUpdate:
    """Publish the roles of champion and challengers on the control topic.

    Args:
        roles: Bundles of a baseline.
        settings: Kafka connection and topic names.
        note: Reason recorded with the roles, for auditing.

    Raises:
        KafkaError: If no broker is responding.
        RolesError: If the roles were not written.
    """
    challengers = tuple(Challenger(ref) for ref in roles.challengers)
    return publish_roles(
        settings.kafka, settings.topic, champion=roles.champion, challengers=challengers, author=AUTHOR, note=note
    )

"""Reading the control topic `model-updates`: the truth about who decides and who watches.

One partition, kept for ever, read whole by every worker without a group.
"""

import contextlib

import msgspec

from schemas.errors import RolesError
from schemas.messages import ModelUpdate
from stream.kafka.topic_reader import read_topic
from stream.settings import Settings

_decoder = msgspec.json.Decoder(ModelUpdate)


class _Versioned(msgspec.Struct):
    schema_version: int


def decode_update(raw: bytes | None) -> ModelUpdate:
    """Read one assignment.

    Raises:
        RolesError: If the bytes are no assignment of a known schema version.
    """
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RolesError(f"no assignment of roles ({error}); publish one with `fraud-train publish`") from error


def current_roles(settings: Settings) -> ModelUpdate | None:
    """Return the newest assignment, as every worker takes it, or None before the first; errors as `all_roles`."""
    updates = all_roles(settings)
    return updates[-1] if updates else None


def all_roles(settings: Settings) -> list[ModelUpdate]:
    """Return every assignment, oldest first.

    What workers ignore is left out: what cannot be read, and an epoch that does not rise.

    Raises:
        BrokerUnavailableError: If no broker answers.
        TopicMissingError: If there is no control topic.
        RolesError: If a newer program has written there: it knows better who decides.
    """
    updates: list[ModelUpdate] = []
    for raw in read_topic(settings.kafka, settings.topic.model_updates):
        try:
            update = decode_update(raw)
        except RolesError:
            _refuse_newer(raw)
            continue
        if not updates or update.epoch > updates[-1].epoch:
            updates.append(update)
    return updates


def _refuse_newer(raw: bytes | None) -> None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        version = msgspec.json.decode(raw or b"", type=_Versioned).schema_version
        if version > ModelUpdate.__struct_defaults__[-1]:
            raise RolesError(f"roles were written in schema version {version}; upgrade this program first")

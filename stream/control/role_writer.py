"""Writing the control topic `model-updates`: one writer at a time.

A writer first fences every other (the same transactional id), then reads the newest epoch, then writes the next.
"""

import time
from collections.abc import Callable

import msgspec
from confluent_kafka import KafkaException

from schemas.errors import RolesError, StaleEpochError
from schemas.messages import BundleRef, Challenger, ModelUpdate, Policy, encode
from stream.control.role_reader import current_roles
from stream.kafka.sole_writer import sole_writer, was_fenced
from stream.settings import Settings


def change_roles(
    settings: Settings,
    change: Callable[[ModelUpdate | None], ModelUpdate],
    *,
    author: str,
    note: str = "",
    expected_epoch: int | None = None,
) -> ModelUpdate:
    """Write the assignment that follows the newest.

    Args:
        settings: Addresses and the topic's name.
        change: Returns what is to hold, given what holds (None before the first); whatever it raises ends the change.
            Epoch, time, author, note and who decided before are filled in here.
        author: Who wrote it, for the audit.
        note: Why.
        expected_epoch: The epoch this change was thought out on; None takes whatever is there (0 before the first).

    Raises:
        StaleEpochError: If another writer was quicker.
        BrokerAwayError: If no broker answers.
        RolesError: If whether it was written is not known.
    """
    try:
        with sole_writer(settings, settings.topic.model_updates) as write:
            last = current_roles(settings)
            epoch = last.epoch if last else 0
            if expected_epoch not in (None, epoch):
                raise StaleEpochError(
                    f"roles are at epoch {epoch}, not {expected_epoch}; look at them and decide again"
                )
            update = _signed(change(last), last, epoch + 1, author, note)
            write(encode(update))
    except KafkaException as error:
        if was_fenced(error):
            raise StaleEpochError("another writer changed the roles meanwhile; look at them and decide again") from None
        raise RolesError(
            f"whether the roles were written is not known ({error.args[0].str()}); look with: fraud-stream models"
        ) from error
    return update


def publish_roles(
    settings: Settings,
    *,
    champion: BundleRef,
    challengers: tuple[Challenger, ...] = (),
    policy: Policy | None = None,
    author: str,
    note: str = "",
    expected_epoch: int | None = None,
) -> ModelUpdate:
    """Give the roles anew; exploration and salt stay, for they belong to the stream and not to a model.

    Args:
        settings: As `change_roles`, like `author`, `note` and `expected_epoch`.
        champion: Decides; the one it replaces becomes `previous`.
        challengers: Watch, or decide for their share.
        policy: Instead of the champion's own.
        author: As above.
        note: As above.
        expected_epoch: As above.

    Raises:
        As `change_roles`.
    """

    def change(last: ModelUpdate | None) -> ModelUpdate:
        if last is None:
            return ModelUpdate(1, champion, 0, "", challengers=challengers, policy=policy)
        return msgspec.structs.replace(last, champion=champion, challengers=challengers, policy=policy)

    return change_roles(settings, change, author=author, note=note, expected_epoch=expected_epoch)


def _signed(update: ModelUpdate, last: ModelUpdate | None, epoch: int, author: str, note: str) -> ModelUpdate:
    previous, previous_policy = None, None
    if last is not None and last.champion.sha256 != update.champion.sha256:
        previous, previous_policy = last.champion, last.policy
    elif last is not None:
        previous, previous_policy = last.previous, last.previous_policy
    return msgspec.structs.replace(
        update,
        epoch=epoch,
        written_at_ms=time.time_ns() // 1_000_000,
        author=author,
        note=note,
        previous=previous,
        previous_policy=previous_policy,
        schema_version=2,
    )

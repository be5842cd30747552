"""Writes the control topic `model-updates`, one writer at a time.

A writer first fences every other writer (all writers use the same transactional id), then reads the newest epoch, then
writes the next epoch.
"""

import time
from collections.abc import Callable

import msgspec

from schemas.errors import RolesError, StaleEpochError, TransactionError
from schemas.messages import AuditEvidence, BundleRef, Challenger, ModelUpdate, Policy, RoleAction, encode
from stream.control.role_changes import action_of
from stream.control.role_reader import current_roles
from stream.kafka.sole_writer import sole_writer
from stream.settings import KafkaSettings, TopicSettings


def change_roles(
    kafka: KafkaSettings,
    topics: TopicSettings,
    change: Callable[[ModelUpdate | None], ModelUpdate],
    *,
    author: str,
    note: str = "",
    action: RoleAction | None = None,
    evidence: AuditEvidence | None = None,
    expected_epoch: int | None = None,
) -> ModelUpdate:
    """Derive the next assignment of roles from the newest assignment, and write it.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        change: Function that returns the next assignment, given the current one (None before the first). If it
            raises, nothing is written. Epoch, time, audit fields and the previous champion are filled in here.
        author: Person or program behind the change, for the audit.
        note: Reason for the change, for the audit.
        action: Kind of change, for the audit; None to derive it from what has changed.
        evidence: Evidence that supports the change, for the audit.
        expected_epoch: Epoch that the change was based on (0 before the first); None to accept any.

    Raises:
        StaleEpochError: If another writer wrote first.
        BrokerUnavailableError: If no broker responds.
        RolesError: If the assignment was not written, or it is unknown whether it was; the text says which.
    """
    try:
        with sole_writer(kafka, topics.model_updates) as write:
            last = current_roles(kafka, topics)
            epoch = last.epoch if last else 0
            if expected_epoch not in (None, epoch):
                raise StaleEpochError(
                    f"the roles are at epoch {epoch}, not {expected_epoch}; check them with: fraud-stream models, then "
                    "try again"
                )
            changed = change(last)
            previous, previous_policy = _previous_champion(changed, last)
            update = msgspec.structs.replace(
                changed,
                epoch=epoch + 1,
                written_at_ms=time.time_ns() // 1_000_000,
                author=author,
                note=note,
                action=action or action_of(changed, last),
                evidence=evidence,
                previous=previous,
                previous_policy=previous_policy,
                schema_version=3,
            )
            write(encode(update))
    except TransactionError as error:
        if error.fenced:
            raise StaleEpochError(
                "another writer changed the roles in the meantime; check them with: fraud-stream models, then try again"
            ) from None
        if error.written_nothing:
            raise RolesError(f"the roles were not written ({error}); check the broker, then try again") from error
        raise RolesError(
            f"cannot tell whether the roles were written ({error}); check with: fraud-stream models"
        ) from error
    return update


def publish_roles(
    kafka: KafkaSettings,
    topics: TopicSettings,
    *,
    champion: BundleRef,
    challengers: tuple[Challenger, ...] = (),
    policy: Policy | None = None,
    author: str,
    note: str = "",
    action: RoleAction = RoleAction.PUBLISH,
    evidence: AuditEvidence | None = None,
    expected_epoch: int | None = None,
) -> ModelUpdate:
    """Assign the champion and all challengers at once. Exploration and salt belong to the stream, so they are kept.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        champion: Bundle that decides; the champion it replaces becomes `previous`.
        challengers: All challengers with their modes and shares.
        policy: Policy that the champion decides by; None for the policy in its manifest.
        author: As in `change_roles`.
        note: As in `change_roles`.
        action: As in `change_roles`.
        evidence: As in `change_roles`.
        expected_epoch: As in `change_roles`.

    Raises:
        StaleEpochError: If another writer wrote first.
        BrokerUnavailableError: If no broker responds.
        RolesError: If the assignment was not written, or it is unknown whether it was; the text says which.
    """

    def change(last: ModelUpdate | None) -> ModelUpdate:
        if last is None:
            return ModelUpdate(1, champion, 0, "", challengers=challengers, policy=policy)
        return msgspec.structs.replace(last, champion=champion, challengers=challengers, policy=policy)

    return change_roles(
        kafka,
        topics,
        change,
        author=author,
        note=note,
        action=action,
        evidence=evidence,
        expected_epoch=expected_epoch,
    )


def _previous_champion(update: ModelUpdate, last: ModelUpdate | None) -> tuple[BundleRef | None, Policy | None]:
    if last is None:
        return None, None
    if last.champion.sha256 != update.champion.sha256:
        return last.champion, last.policy
    return last.previous, last.previous_policy

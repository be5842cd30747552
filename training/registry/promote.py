"""Stage, challenge, promote and roll back models, recording the reason permanently.

Kafka's control topic is the source of truth. A change is written there first, with the epoch that it is based on. Then
`reconcile` copies it to MLflow and repairs what a crash left unfinished. A single write makes the change, so it takes
effect completely or not at all, and of two simultaneous changes the second is rejected. Without a broker, nothing
changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from schemas.errors import FraudError, RegistryError
from schemas.messages import (
    AuditEvidence,
    BundleRef,
    Challenger,
    GateEvidence,
    LinkedEvidence,
    ModelUpdate,
    Policy,
    RoleAction,
)
from stream.control.role_reader import all_roles
from stream.control.role_writer import publish_roles
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from training.registry.evidence import keep_evidence
from training.registry.history import HistoryEntry, PromotionHistory, RoleChange
from training.registry.reconcile import reconcile
from training.registry.runs import MlflowRuns
from training.registry.versions import STAGING, RegisteredVersion, Registry

#: Largest length of a reason, well below the 5,000 characters to which MLflow limits a description.
MAX_REASON = 1000


class _Audit(NamedTuple):
    """Who changes what and why, as recorded with a change of roles."""

    author: str
    action: RoleAction
    reason: str
    evidence: AuditEvidence | None = None


@dataclass(frozen=True)
class _RolesBefore:
    """The roles before a change."""

    newest: HistoryEntry | None
    #: Newest assignment on Kafka; None before the first, even if the history still has entries from an old broker.
    update: ModelUpdate | None

    @property
    def change(self) -> RoleChange | None:
        return self.newest.change if self.newest else None

    @property
    def champion(self) -> BundleRef | None:
        return self.newest.change.champion if self.newest else None

    def challengers_without(self, bundle: BundleRef) -> tuple[Challenger, ...]:
        """Return the challengers except those with the given bundle."""
        challengers = self.newest.change.challengers if self.newest else ()
        return tuple(challenger for challenger in challengers if challenger.bundle.sha256 != bundle.sha256)


@dataclass(frozen=True)
class Promoter:
    """Changes the roles of model versions.

    Every method raises RegistryError when MLflow is unavailable or rejects the request, KafkaError when no broker
    is responding, and StaleEpochError when another change came first. After an error, nothing has changed unless the
    error says so.
    """

    registry: Registry
    history: PromotionHistory
    runs: MlflowRuns
    #: Bundle store, from which a version's bundle must be readable before the version gets a role.
    store: BundleStore
    #: Kafka connection and topic names.
    settings: Settings

    def catch_up(self) -> HistoryEntry | None:
        """Reconcile MLflow with Kafka; return the newest change, or None before the first."""
        return self._roles_before().newest

    def stage(self, which: str) -> RegisteredVersion:
        """Give a version the alias `staging`, which marks it for review. The version has no role in the stream.

        Args:
            which: Number or alias of the version.

        Raises:
            BundleError: If the bundle of the version does not pass its audit.
            RegistryError: If the version does not exist or is the champion.
        """
        version, before = self._readable(which), self._roles_before()
        _refuse_champion(version, before)
        self.registry.set_alias(STAGING, version.number)
        return version

    def challenge(self, which: str, *, author: str, reason: str) -> HistoryEntry:
        """Make a version a challenger in shadow mode, which scores every transaction but decides nothing.

        Args:
            which: Number or alias of the version.
            author: Author of the change.
            reason: Reason in one line.

        Raises:
            BundleError: If the bundle of the version does not pass its audit.
            RegistryError: If the version does not exist or is the champion, or there is no champion.
        """
        version, before, reason = self._readable(which), self._roles_before(), _one_line(reason)
        _refuse_champion(version, before)
        if before.champion is None:
            raise RegistryError("there is no champion to challenge yet; promote a version first")
        challengers = (Challenger(version.bundle), *before.challengers_without(version.bundle))
        return self._write(before, before.champion, challengers, _Audit(author, RoleAction.CHALLENGE, reason))

    def promote(
        self, which: str, *, author: str, reason: str, evidence: str = "", gate_test: int | None = None
    ) -> HistoryEntry:
        """Make a version the champion, after which it is no longer staged or a challenger.

        Args:
            which: Number or alias of the version.
            author: Author of the change.
            reason: Reason in one line.
            evidence: URL, or path of a local file, which is copied to the artifacts of the version's run.
            gate_test: Number of the gate test that `evidence` documents; None for other evidence.

        Raises:
            BundleError: If the bundle of the version does not pass its audit.
            RegistryError: If the version does not exist or is already the champion on Kafka.
        """
        version, before, reason = self._readable(which), self._roles_before(), _one_line(reason)
        if before.update is not None:
            _refuse_champion(version, before)
        url = keep_evidence(evidence, version.run_id, self.runs) if evidence else ""
        challengers = before.challengers_without(version.bundle)
        audit = _Audit(author, RoleAction.PROMOTE, reason, _evidence(url, gate_test))
        return self._write(before, version.bundle, challengers, audit)

    def rollback(self, *, author: str, reason: str) -> HistoryEntry:
        """Restore the previous champion.

        Args:
            author: Author of the change.
            reason: Reason in one line.

        Raises:
            BundleError: If the previous champion's bundle does not pass its audit.
            RegistryError: If there is no previous champion, or the last change of champion was a rollback, because
                another rollback would restore the model that was removed for a reason.
        """
        before, reason = self._roles_before(), _one_line(reason)
        target = before.change.previous if before.change else None
        if target is None:
            raise RegistryError("there is nothing to roll back to; promote a version by its number")
        last_change = self._last_change_of_champion()
        if last_change is not None and last_change.action == RoleAction.ROLLBACK:
            raise RegistryError(
                f"{target.path} was rolled back ({last_change.reason}); to restore it, promote it by its number"
            )
        read_bundle(self.store, target)
        audit = _Audit(author, RoleAction.ROLLBACK, reason)
        return self._write(before, target, before.challengers_without(target), audit)

    def _readable(self, which: str) -> RegisteredVersion:
        version = self.registry.find(which)
        read_bundle(self.store, version.bundle)
        return version

    def _roles_before(self) -> _RolesBefore:
        updates = all_roles(self.settings.kafka, self.settings.topic)
        newest = reconcile(self.registry, self.history, updates)
        return _RolesBefore(newest, updates[-1] if updates else None)

    def _last_change_of_champion(self) -> RoleChange | None:
        champion, last_change = None, None
        for entry in self.history.entries():
            if entry.change.champion.sha256 != champion:
                champion, last_change = entry.change.champion.sha256, entry.change
        return last_change

    def _write(
        self, before: _RolesBefore, champion: BundleRef, challengers: tuple[Challenger, ...], audit: _Audit
    ) -> HistoryEntry:
        update = publish_roles(
            self.settings.kafka,
            self.settings.topic,
            champion=champion,
            challengers=challengers,
            policy=_policy_of(champion, before.update),
            author=audit.author,
            note=audit.reason,
            action=audit.action,
            evidence=audit.evidence,
            expected_epoch=before.update.epoch if before.update else 0,
        )
        with _change_is_on_kafka(update.epoch):
            newest = reconcile(self.registry, self.history, all_roles(self.settings.kafka, self.settings.topic))
        assert newest is not None  # noqa: S101 - for the type checker: there is at least the one just written
        return newest


def _policy_of(champion: BundleRef, before: ModelUpdate | None) -> Policy | None:
    """Return the policy with which a champion decides. A policy other than its own applies only to that champion."""
    if before is not None and before.champion.sha256 == champion.sha256:
        return before.policy
    if before is not None and before.previous is not None and before.previous.sha256 == champion.sha256:
        return before.previous_policy
    return None


def _evidence(url: str, gate_test: int | None) -> AuditEvidence | None:
    if not url:
        return None
    return LinkedEvidence(url) if gate_test is None else GateEvidence(gate_test, url)


def _refuse_champion(version: RegisteredVersion, before: _RolesBefore) -> None:
    if before.champion is not None and before.champion.sha256 == version.bundle.sha256:
        raise RegistryError(f"version {version.number} is already the champion")


def _one_line(reason: str) -> str:
    line = " ".join(reason.split())
    if not 0 < len(line) <= MAX_REASON:
        raise RegistryError(f"give a --reason of 1 to {MAX_REASON} characters; it is kept in the history")
    return line


@contextmanager
def _change_is_on_kafka(epoch: int) -> Iterator[None]:
    try:
        yield
    except FraudError as error:
        raise RegistryError(
            f"the change is on Kafka as role epoch {epoch}, but MLflow was not updated; the next command repairs "
            f"that: {error}"
        ) from error

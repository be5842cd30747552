"""Who decides and who watches: staged, promoted, rolled back, with the reason kept for ever.

With Kafka, its control topic is the truth: a change is written there first, on the epoch it was thought out on, and
MLflow follows by `reconcile`, which also mends what a crash left. Without Kafka the history in MLflow is the truth.
Either way one write decides, so a change holds or does not, and of two at once the second is refused.
"""

import time
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
from training.registry.history import Change, Entry, History
from training.registry.reconcile import reconcile, settle
from training.registry.runs import Runs
from training.registry.versions import STAGING, RegisteredVersion, Registry

#: MLflow keeps 5,000 characters of a description.
MAX_WHY = 1000


class _Audit(NamedTuple):
    """The audit fields of a change: who made it, what it does, why, and what it rests on."""

    author: str
    action: RoleAction
    note: str
    evidence: AuditEvidence | None = None


@dataclass(frozen=True)
class _State:
    """What holds before a change."""

    newest: Entry | None
    #: Kafka's newest assignment; None before the first, or without Kafka.
    update: ModelUpdate | None

    @property
    def change(self) -> Change | None:
        return self.newest.change if self.newest else None

    @property
    def champion(self) -> BundleRef | None:
        return self.newest.change.champion if self.newest else None

    def watching(self, without: BundleRef) -> tuple[Challenger, ...]:
        """Return who watches, but for one bundle."""
        everybody = self.newest.change.challengers if self.newest else ()
        return tuple(challenger for challenger in everybody if challenger.bundle.sha256 != without.sha256)


@dataclass(frozen=True)
class Promoter:
    """Changes roles.

    Every method raises RegistryError when MLflow is away or refuses, KafkaError when no broker answers, and
    StaleEpochError when another change was quicker; nothing has changed then, unless the text says so.
    """

    registry: Registry
    history: History
    runs: Runs
    #: Where a version's bundle must be readable before it gets a role.
    store: BundleStore
    #: Of the Kafka whose workers are told; None to change MLflow only.
    kafka: Settings | None = None

    def catch_up(self) -> Entry | None:
        """Reconcile MLflow with Kafka, or its aliases with its history; return the newest change."""
        return self._state().newest

    def stage(self, which: str) -> RegisteredVersion:
        """Give a version the alias `staging`: next to be looked at. No role in the stream.

        Raises:
            BundleError: If its bundle does not pass its audit.
            RegistryError: If there is no such version, or it is champion.
        """
        version, state = self._ready(which), self._state()
        _refuse_champion(version, state)
        self.registry.set_alias(STAGING, version.number)
        return version

    def challenge(self, which: str, *, who: str, why: str) -> Entry:
        """Let a version watch: it scores everything in the shadow and decides nothing.

        Raises:
            BundleError: If its bundle does not pass its audit.
            RegistryError: If there is no such version, it is champion, or nobody is.
        """
        version, state, why = self._ready(which), self._state(), _one_line(why)
        _refuse_champion(version, state)
        if state.champion is None:
            raise RegistryError("there is no champion to watch yet; promote a version first")
        challengers = (Challenger(version.bundle), *state.watching(without=version.bundle))
        return self._write(state, state.champion, challengers, _Audit(who, RoleAction.CHALLENGE, why))

    def promote(self, which: str, *, who: str, why: str, evidence: str = "", gate_test: int | None = None) -> Entry:
        """Make a version champion; it stops being staged or watching.

        Args:
            which: A version's number or alias.
            who: Who decided it.
            why: One line.
            evidence: A URL, or a local file, which is kept among the artifacts of the version's run.
            gate_test: Number of the gate test that `evidence` is about; None for any other evidence.

        Raises:
            BundleError: If its bundle does not pass its audit.
            RegistryError: If there is no such version, or it is champion already, in Kafka too where workers are told.
        """
        version, state, why = self._ready(which), self._state(), _one_line(why)
        if self.kafka is None or state.update is not None:
            _refuse_champion(version, state)
        url = keep_evidence(evidence, version.run_id, self.runs) if evidence else ""
        watching = state.watching(without=version.bundle)
        return self._write(
            state, version.bundle, watching, _Audit(who, RoleAction.PROMOTE, why, _evidence(url, gate_test))
        )

    def rollback(self, *, who: str, why: str) -> Entry:
        """Make the previous champion champion again.

        Raises:
            BundleError: If its bundle does not pass its audit.
            RegistryError: If there is none, or the last change of champion was a rollback itself: another would
                bring back what somebody had a reason to take away.
        """
        state, why = self._state(), _one_line(why)
        target = state.change.previous if state.change else None
        if target is None:
            raise RegistryError("there is nothing to roll back to; promote a version by its number")
        moved = self._last_move()
        if moved is not None and moved.action == "rollback":
            raise RegistryError(
                f"{target.path} was rolled back from ({moved.why}); to bring it back, promote it by its number"
            )
        read_bundle(self.store, target)
        return self._write(state, target, state.watching(without=target), _Audit(who, RoleAction.ROLLBACK, why))

    def appoint(self, champion: BundleRef, challengers: tuple[Challenger, ...], *, who: str, why: str) -> Entry:
        """Give all roles anew, for a job that makes champion and challengers together."""
        return self._write(self._state(), champion, challengers, _Audit(who, RoleAction.PROMOTE, why))

    def _ready(self, which: str) -> RegisteredVersion:
        version = self.registry.find(which)
        read_bundle(self.store, version.bundle)
        return version

    def _state(self) -> _State:
        if self.kafka is None:
            return _State(settle(self.registry, self.history), None)
        updates = all_roles(self.kafka)
        newest = reconcile(self.registry, self.history, updates)
        return _State(newest, updates[-1] if updates else None)

    def _last_move(self) -> Change | None:
        """Return the newest change that changed the champion."""
        champion, moved = None, None
        for entry in self.history.entries():
            if entry.change.champion.sha256 != champion:
                champion, moved = entry.change.champion.sha256, entry.change
        return moved

    def _write(self, state: _State, champion: BundleRef, challengers: tuple[Challenger, ...], audit: _Audit) -> Entry:
        if self.kafka is None:
            now_ms = time.time_ns() // 1_000_000
            previous = _previous_of(state, champion)
            change = Change(
                audit.action, champion, previous, challengers, audit.author, audit.note, audit.evidence, now_ms
            )
            written = self.history.append(change, after=state.newest.number if state.newest else 0)
            with _following("the change is in the history"):
                settle(self.registry, self.history)
            return written
        before = state.update
        update = publish_roles(
            self.kafka,
            champion=champion,
            challengers=challengers,
            policy=_policy_of(champion, before),
            author=audit.author,
            note=audit.note,
            action=audit.action,
            evidence=audit.evidence,
            expected_epoch=before.epoch if before else 0,
        )
        with _following(f"the change is on Kafka as roles {update.epoch}"):
            newest = reconcile(self.registry, self.history, all_roles(self.kafka))
        assert newest is not None  # noqa: S101 - for the type checker: there is at least the one just written
        return newest


def _policy_of(champion: BundleRef, before: ModelUpdate | None) -> Policy | None:
    """Return what a champion decides with: a policy instead of its own was meant for that champion only."""
    if before is not None and before.champion.sha256 == champion.sha256:
        return before.policy
    if before is not None and before.previous is not None and before.previous.sha256 == champion.sha256:
        return before.previous_policy
    return None


def _previous_of(state: _State, champion: BundleRef) -> BundleRef | None:
    before = state.change
    if before is None:
        return None
    return before.champion if before.champion.sha256 != champion.sha256 else before.previous


def _evidence(url: str, gate_test: int | None) -> AuditEvidence | None:
    if not url:
        return None
    return LinkedEvidence(url) if gate_test is None else GateEvidence(gate_test, url)


def _refuse_champion(version: RegisteredVersion, state: _State) -> None:
    if state.champion is not None and state.champion.sha256 == version.bundle.sha256:
        raise RegistryError(f"version {version.number} is champion already")


def _one_line(why: str) -> str:
    line = " ".join(why.split())
    if not 0 < len(line) <= MAX_WHY:
        raise RegistryError(f"say why in 1 to {MAX_WHY} characters; --why is kept for whoever asks later")
    return line


@contextmanager
def _following(done: str) -> Iterator[None]:
    try:
        yield
    except FraudError as error:
        raise RegistryError(f"{done}, but MLflow did not follow yet; the next command mends that: {error}") from error

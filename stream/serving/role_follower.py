"""Follows `model-updates` off the hot path and swaps the scorer between two batches."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from schemas.errors import BundleMissingError, FraudError, ModelFaultError, NoChampionError
from schemas.messages import ModelUpdate, encode
from stream.control.role_reader import decode_update
from stream.kafka.topic_reader import TopicReader
from stream.models.role_loader import RoleLoader
from stream.runtime.background import Background
from stream.scoring.model import Roles
from stream.scoring.scorer import Scorer
from stream.settings import KafkaSettings, ScoringSettings

log = logging.getLogger(__name__)

#: Seconds until an assignment is tried again after its bundle could not be fetched, since a store may be unavailable.
STORE_RETRY_S = 10.0


class SwapObserver(Protocol):
    """Receives the results of role changes."""

    def swapped(self, roles: Roles, result: str) -> None:
        """Called when new roles are in use."""

    def refused(self) -> None:
        """Called when a role change was rejected."""


class RoleFollower(Background):
    """Holds the scorer in use, and follows `model-updates` on a separate thread.

    Args:
        kafka: Kafka connection.
        topic: Name of the control topic.
        scoring: Scoring settings, which limit the scorer.
        loader: Loader that audits and loads bundles.
        observer: Object that is notified of the results of role changes.
        on_change: Called after each swap with whether there is a champion.
        on_error: Called with the error that ends the thread.
        prepare: Called with new roles before their first batch.

    Attributes:
        scorer: Scorer of the roles in use; None while there is no champion.
        refused: Why the newest assignment is not in use; None if it is in use.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        scoring: ScoringSettings,
        loader: RoleLoader,
        observer: SwapObserver,
        *,
        on_change: Callable[[bool], None],
        on_error: Callable[[BaseException], None],
        prepare: Callable[[Roles], None] = lambda _: None,
    ) -> None:
        super().__init__("role-follower")
        self._kafka, self._topic, self._scoring = kafka, topic, scoring
        self._prepare = prepare
        self._loader = loader
        self._observer = observer
        self._on_change = on_change
        self._on_error = on_error
        self._update: ModelUpdate | None = None
        self._retry: tuple[ModelUpdate, float] | None = None
        # A demotion on the scoring thread and an assignment on this thread must not overwrite each other.
        self._swap = threading.Lock()
        self.scorer: Scorer | None = None
        self.refused: str | None = None
        self._refused_epoch = 0

    def deciding(self) -> Scorer:
        """Return the scorer in use.

        Raises:
            NoChampionError: If there is no champion.
        """
        scorer = self.scorer
        if scorer is None:
            raise NoChampionError(
                "there is no champion; publish one with `fraud-stream models set --champion PATH --reason REASON`"
            )
        return scorer

    def demote(self, scorer: Scorer, fault: ModelFaultError) -> None:
        """Remove a champion that is at fault.

        The previous champion is restored; without one, nothing is decided until the next assignment.

        Args:
            scorer: Scorer that failed; if it is no longer in use, nothing happens.
            fault: Why the scorer failed.
        """
        with self._swap:
            if self.scorer is not scorer or self._update is None:
                return  # another champion decides by now
            self.refused = str(fault)
            roles = self._loader.fall_back(self._update)
            if roles is None or roles.champion.model.sha256 == scorer.roles.champion.model.sha256:
                log.error("%s; nothing is decided until another champion is published", fault)
                self.scorer = None
                self._on_change(False)  # noqa: FBT003 - a callback's one argument
                return
            log.error("%s; the previous champion %s is restored", fault, roles.champion.model.manifest.version)
            self._use(roles, "fallback")

    def _run(self) -> None:
        reader = TopicReader(self._kafka, self._topic)
        try:
            self._apply_newest(reader.history())
            if self.scorer is None:
                log.warning("there is no champion yet; waiting for a role assignment on %s", self._topic)
            while not self._stopping.is_set():
                for raw in reader.follow(until=self._interrupted):
                    self._apply(raw)
                self._try_again()
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the worker
            self._on_error(error)
        finally:
            reader.close()

    def _apply_newest(self, history: list[bytes | None]) -> None:
        """Apply the newest assignment that can be applied, so that a restarted worker agrees with the others."""
        refused = retry = None
        for raw in reversed(history):
            if self._apply(raw):
                break
            refused, retry = refused or self.refused, retry or self._retry
        self.refused, self._retry = refused, retry

    def _apply(self, raw: bytes | None) -> bool:
        """Apply an assignment; return whether its roles are in use now."""
        update = None
        try:
            update = decode_update(raw)
            if self._update is not None and update.epoch <= self._update.epoch:
                log.warning("ignoring role epoch %d, which arrived after epoch %d", update.epoch, self._update.epoch)
                return False
            roles = self._loader.load(update)
        except FraudError as error:
            self._refuse(error, update)
            return False
        with self._swap:
            self._update, self._retry = update, None
            if update.epoch >= self._refused_epoch:
                self.refused = None
            self._use(roles, "applied")
        return True

    def _refuse(self, error: FraudError, update: ModelUpdate | None) -> None:
        what = f"roles of epoch {update.epoch}" if update else "a message"
        self.refused = f"{what} refused: {error}"
        self._refused_epoch = max(self._refused_epoch, update.epoch if update else 0)
        self._observer.refused()
        log.error("%s; %s", self.refused, "the roles in use stay" if self.scorer else "there is no champion yet")
        if update is not None and isinstance(error, BundleMissingError):
            self._retry = (update, time.monotonic() + STORE_RETRY_S)

    def _interrupted(self) -> bool:
        return self._stopping.is_set() or (self._retry is not None and time.monotonic() >= self._retry[1])

    def _try_again(self) -> None:
        if self._retry is not None and not self._stopping.is_set():
            update, self._retry = self._retry[0], None
            self._apply(encode(update))

    def _use(self, roles: Roles, result: str) -> None:
        self._prepare(roles)
        self.scorer = Scorer(
            roles, max_bytes=self._scoring.max_transaction_bytes, max_reasons=self._scoring.max_reasons
        )
        self._observer.swapped(roles, result)
        log.info(
            "epoch %d: champion %s decides; challengers decide for %.0f %% of the cards, and %d are in shadow mode",
            roles.epoch,
            roles.champion.model.manifest.version,
            100 * sum(challenger.share for challenger in roles.challengers),
            sum(challenger.share == 0 for challenger in roles.challengers),
        )
        self._on_change(True)  # noqa: FBT003 - a callback's one argument

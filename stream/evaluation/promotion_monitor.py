"""Monitors the newest promotion; a pure function of the control topic and of all counts since the topic began.

A newly elected rollback monitor reads both topics from the beginning and reaches the same state as its predecessor.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.messages import ModelCounts, ModelUpdate, RoleCounts
from stream.evaluation.blocks import BlockRows, CountBlocks, block_row, counted_blocks, stack_rows
from stream.evaluation.rollback_rule import Breach, RollbackLimits, RollbackRule

#: Author of the rollback monitor's messages on `model-updates`.
AUTHOR = "fraud-guard"

#: Bundle hash and policy version. The same bundle under another policy counts as another model.
ModelKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ChampionTerm:
    """A period in which one bundle decides with one policy.

    Attributes:
        since: First epoch of the term.
        champion: Hash of the bundle that decides.
        promoted: Whether another bundle decided before this term. A first champion or a new policy is not monitored,
            because restoring the previous champion would not help.
        restored: Whether the rollback monitor restored this champion.
    """

    since: int
    champion: str
    promoted: bool
    restored: bool


@dataclass(frozen=True, slots=True)
class RollbackVerdict:
    """A breach, and whether the previous champion can be restored."""

    breach: Breach
    #: First epoch of the monitored term.
    since: int
    #: Where the bounds come from, as text.
    bounds: str
    #: Whether the previous champion may be restored automatically; if not, a person must be paged.
    may_restore: bool


class PromotionMonitor:
    """Follows assignments of roles and counts, and tests the newest promotion for breaches.

    Args:
        limits: Parameters of the rollback rule.

    Attributes:
        roles: Newest assignment of roles; None before the first assignment.
    """

    def __init__(self, limits: RollbackLimits) -> None:
        self._limits = limits
        self._terms: list[ChampionTerm] = []
        # Hashes of the bundles that were rolled back, and the first epochs of the terms that ended with a rollback.
        self._rolled_back: set[str] = set()
        self._failed_terms: set[int] = set()
        self._sequences: dict[str, int] = {}
        # Blocks by model and the term's first epoch.
        self._blocks: dict[tuple[ModelKey, int], CountBlocks] = {}
        # The deciding model, by the term's first epoch.
        self._deciding: dict[int, ModelKey] = {}
        self._rule: tuple[int, RollbackRule | None, str] = (0, None, "")
        self._tested: tuple[tuple[int, int], Breach | None] = ((0, 0), None)
        self.roles: ModelUpdate | None = None

    def set_assignments(self, updates: Sequence[ModelUpdate]) -> None:
        """Replace the history of assignments.

        Args:
            updates: Every assignment so far, oldest first.
        """
        before, self._terms, self._rolled_back, self._failed_terms = None, [], set(), set()
        for update in updates:
            promoted = before is not None and before.champion.sha256 != update.champion.sha256
            restored = update.author == AUTHOR
            if before is None or promoted or before.policy != update.policy:
                self._terms.append(ChampionTerm(update.epoch, update.champion.sha256, promoted, restored))
            if before is not None and promoted and restored:
                self._rolled_back.add(before.champion.sha256)
                self._failed_terms.add(self._terms[-2].since)
            before = update
        self.roles = before

    def add(self, counts: RoleCounts) -> None:
        """Add a worker's counts; repeated messages and counts under an unknown assignment are ignored."""
        if counts.sequence <= self._sequences.get(counts.instance, 0):
            return
        self._sequences[counts.instance] = counts.sequence
        position = bisect_right(self._terms, counts.role_epoch, key=lambda term: term.since)
        if not position:
            return
        term = self._terms[position - 1]
        for model in counts.players:
            key = _key(model)
            if model.decides and model.bundle_sha256 == term.champion:
                self._deciding[term.since] = key
            if (key, term.since) not in self._blocks:
                blocks = CountBlocks(self._limits.block_transactions, self._limits.monitored_blocks)
                self._blocks[key, term.since] = blocks
            self._blocks[key, term.since].add(block_row(counts, model, self._limits.slow_ms))

    @property
    def progress(self) -> tuple[int, int]:
        """First epoch of the newest term and the number of its complete blocks; (0, 0) if nothing is monitored."""
        live = self._live()
        return (self._terms[-1].since, len(live)) if live else (0, 0)

    @property
    def description(self) -> str:
        """Which champion is monitored and where its bounds come from; empty before a promotion's first block."""
        if not self._live():
            return ""
        rule, bounds = self._bounds()
        champion = f"champion {self._terms[-1].champion[:12]} since epoch {self._terms[-1].since}"
        return f"{champion} is {'monitored' if rule else 'not monitored'}: {bounds}"

    def readings(self) -> dict[str, tuple[float, float]]:
        """Return each statistic's value and bound in the newest block; empty if no promotion is monitored."""
        live = self._live()
        rule = self._bounds()[0] if live else None
        return rule.readings(stack_rows(live)) if rule else {}

    def verdict(self) -> RollbackVerdict | None:
        """Return the promoted champion's first breach; None if there is none."""
        live = self._live()
        if not live or self.roles is None:
            return None
        rule, bounds = self._bounds()
        if self.progress != self._tested[0]:
            self._tested = (self.progress, rule.first_breach(stack_rows(live)) if rule else None)
        breach = self._tested[1]
        previous = self.roles.previous
        may_restore = previous is not None and previous.sha256 not in self._rolled_back
        return RollbackVerdict(breach, self._terms[-1].since, bounds, may_restore) if breach else None

    def _live(self) -> Sequence[NDArray[np.int64]]:
        """Return the blocks since the newest promotion, up to the number of blocks to monitor."""
        if not self._terms or not self._terms[-1].promoted:
            return ()
        since = self._terms[-1].since
        return self._blocks[self._deciding[since], since].first if since in self._deciding else ()

    def _bounds(self) -> tuple[RollbackRule | None, str]:
        """Return the newest term's rule, made when its first block is complete, and where its bounds come from."""
        since = self._terms[-1].since
        if self._rule[0] != since:
            self._rule = (since, *self._make_rule())
        return self._rule[1], self._rule[2]

    def _make_rule(self) -> tuple[RollbackRule | None, str]:
        before, term = self._terms[-2:]
        own = self._rows_before(self._deciding[term.since], term)
        previous = self._rows_before(self._deciding.get(before.since), term)
        # After a rollback, the previous champion is the model that failed, so it cannot serve as a reference.
        reference = previous[:0] if term.restored else previous
        needed = self._limits.min_blocks
        earlier = counted_blocks(len(own), "earlier ")
        if len(own) >= needed:
            return RollbackRule(own, reference, self._limits), f"bounds from the champion's own {earlier}"
        too_few = f"the champion has only {earlier} and needs {needed}"
        if len(reference) >= needed:
            origin = f"bounds from {counted_blocks(len(reference))} of the previous champion, because {too_few}"
            return RollbackRule(reference, reference, self._limits), origin
        return None, f"{too_few}, and the previous champion has {len(reference)}"

    def _rows_before(self, key: ModelKey | None, term: ChampionTerm) -> BlockRows:
        """Return a model's blocks from all earlier terms, except the terms that ended with a rollback."""
        terms = (each.since for each in self._terms if each.since < term.since and each.since not in self._failed_terms)
        rows = (self._blocks[key, since].rows() for since in terms if key and (key, since) in self._blocks)
        return stack_rows(rows)


def _key(model: ModelCounts) -> ModelKey:
    return model.bundle_sha256, model.policy_version

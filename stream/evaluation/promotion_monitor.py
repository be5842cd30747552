"""Who is watched since when, and what is to be done: a pure function of the control topic and of all counts since.

So whoever is elected to guard reads both from the beginning and stands where the one before stood.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.messages import ModelUpdate, ModelCounts, RoleCounts
from stream.evaluation.blocks import BlockRows, Blocks, block_row, stack_rows
from stream.evaluation.rollback_rule import Breach, RollbackLimits, RollbackRule

#: Of what the guard writes on `model-updates`.
AUTHOR = "fraud-guard"

#: Bundle and policy version: one bundle under another policy is another player.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ChampionTerm:
    """The time in which one bundle decides by one policy.

    Attributes:
        since: Its first epoch.
        champion: Hash of the bundle that decides.
        promoted: Whether another bundle decided before; a first champion and a new policy are not watched, for there
            is no previous champion that would mend them.
        restored: Whether the guard brought it back.
    """

    since: int
    champion: str
    promoted: bool
    restored: bool


@dataclass(frozen=True, slots=True)
class RollbackVerdict:
    """A breach, and what is to be done about it."""

    breach: Breach
    #: First epoch of the term that is judged.
    since: int
    #: Whose bounds they are, in words.
    bounds: str
    #: Whether the previous champion may decide again; otherwise people are to be called.
    may_restore: bool


class PromotionMonitor:
    """Follows assignments and counts.

    Args:
        limits: Error, sizes, multiple.

    Attributes:
        roles: The newest assignment; None before the first.
    """

    def __init__(self, limits: RollbackLimits) -> None:
        self._limits = limits
        self._terms: list[ChampionTerm] = []
        # Bundles that the guard took away, and the first epochs of the terms that it ended.
        self._fallen: set[str] = set()
        self._failed: set[int] = set()
        self._sequences: dict[str, int] = {}
        # By player and the term's first epoch.
        self._blocks: dict[tuple[Key, int], Blocks] = {}
        # Who decided, by the term's first epoch.
        self._deciding: dict[int, Key] = {}
        self._rule: tuple[int, RollbackRule | None, str] = (0, None, "")
        self._judged: tuple[tuple[int, int], Breach | None] = ((0, 0), None)
        self.roles: ModelUpdate | None = None

    def learn(self, updates: Sequence[ModelUpdate]) -> None:
        """Take in every assignment, oldest first."""
        before, self._terms, self._fallen, self._failed = None, [], set(), set()
        for update in updates:
            promoted = before is not None and before.champion.sha256 != update.champion.sha256
            restored = update.author == AUTHOR
            if before is None or promoted or before.policy != update.policy:
                self._terms.append(ChampionTerm(update.epoch, update.champion.sha256, promoted, restored))
            if before is not None and promoted and restored:
                self._fallen.add(before.champion.sha256)
                self._failed.add(self._terms[-2].since)
            before = update
        self.roles = before

    def add(self, counts: RoleCounts) -> None:
        """Take in a worker's counts; repeated ones, and those of an assignment that is not known, count nothing."""
        if counts.sequence <= self._sequences.get(counts.instance, 0):
            return
        self._sequences[counts.instance] = counts.sequence
        place = bisect_right(self._terms, counts.role_epoch, key=lambda term: term.since)
        if not place:
            return
        term = self._terms[place - 1]
        for player in counts.players:
            key = _key(player)
            if player.decides and player.bundle_sha256 == term.champion:
                self._deciding[term.since] = key
            if (key, term.since) not in self._blocks:
                self._blocks[key, term.since] = Blocks(self._limits.block, self._limits.watched_blocks)
            self._blocks[key, term.since].add(block_row(counts, player, self._limits.slow_ms))

    @property
    def progress(self) -> tuple[int, int]:
        """The newest term's first epoch, and how many blocks of its watch are complete; (0, 0) without a watch."""
        live = self._live()
        return (self._terms[-1].since, len(live)) if live else (0, 0)

    @property
    def watched(self) -> str:
        """Whom the guard watches by whose bounds, in words; empty before the first block of a watch."""
        if not self._live():
            return ""
        rule, bounds = self._bounds()
        who = f"champion {self._terms[-1].champion[:12]} since epoch {self._terms[-1].since}"
        return f"{who} is {'watched' if rule else 'not watched'}: {bounds}"

    def readings(self) -> dict[str, tuple[float, float]]:
        """Return each statistic's value and bound in the watch's newest block; none without a watch."""
        live = self._live()
        rule = self._bounds()[0] if live else None
        return rule.readings(stack_rows(live)) if rule else {}

    def verdict(self) -> RollbackVerdict | None:
        """Return what the promoted champion did wrong, if it did."""
        live = self._live()
        if not live or self.roles is None:
            return None
        rule, bounds = self._bounds()
        if self.progress != self._judged[0]:
            self._judged = (self.progress, rule.first_breach(stack_rows(live)) if rule else None)
        breach = self._judged[1]
        previous = self.roles.previous
        may_restore = previous is not None and previous.sha256 not in self._fallen
        return RollbackVerdict(breach, self._terms[-1].since, bounds, may_restore) if breach else None

    def _live(self) -> Sequence[NDArray[np.int64]]:
        """Return the first blocks since the newest promotion, as many as are watched."""
        if not self._terms or not self._terms[-1].promoted:
            return ()
        since = self._terms[-1].since
        return self._blocks[self._deciding[since], since].first if since in self._deciding else ()

    def _bounds(self) -> tuple[RollbackRule | None, str]:
        """Return the rule for the newest term and where it comes from; made when its first block is complete."""
        since = self._terms[-1].since
        if self._rule[0] != since:
            self._rule = (since, *self._make_rule())
        return self._rule[1], self._rule[2]

    def _make_rule(self) -> tuple[RollbackRule | None, str]:
        before, term = self._terms[-2:]
        own = self._rows_before(self._deciding[term.since], term)
        previous = self._rows_before(self._deciding.get(before.since), term)
        # The one taken away is no measure for the one brought back.
        beside = previous[:0] if term.restored else previous
        needed = self._limits.min_blocks
        if len(own) >= needed:
            return RollbackRule(own, beside, self._limits), f"bounds of {len(own)} blocks of its own before"
        few = f"it had {len(own)} blocks of its own before and {needed} are wanted"
        if len(beside) >= needed:
            found = f"bounds of {len(beside)} blocks of the previous champion's, for {few}"
            return RollbackRule(beside, beside, self._limits), found
        return None, f"{few}; the previous champion had {len(beside)}"

    def _rows_before(self, key: Key | None, term: ChampionTerm) -> BlockRows:
        """Return a player's blocks of all terms before, but for those that the guard ended: they are no measure."""
        terms = (each.since for each in self._terms if each.since < term.since and each.since not in self._failed)
        found = (self._blocks[key, since].rows() for since in terms if key and (key, since) in self._blocks)
        return stack_rows(found)


def _key(player: ModelCounts) -> Key:
    return player.bundle_sha256, player.policy_version

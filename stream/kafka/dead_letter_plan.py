"""Decide which dead letters' messages are sent again."""

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.errors import DeadLetterReason
from stream.kafka.dead_letter_reader import MessageIdentity, StoredDeadLetter


class SkipReason(StrEnum):
    """Why a message is not sent again. The value is the text that operators see."""

    REPLAYED = "already sent again"
    MAX_REPLAYS = "rejected again after as many replays as --max-replays allows"
    TRUNCATED = "too large for a dead letter, so truncated"
    EMPTY = "empty"
    TOPIC = "from a topic to which messages are sent again only if --topic names it"


@dataclass(frozen=True)
class ReplayRules:
    """Rules for sending messages again.

    Attributes:
        topics: Topics to which messages may be sent again.
        max_replays: Number of times that one message may be sent again in total.
        limit: Maximum number of messages to send, oldest rejection first; None for all.
    """

    topics: frozenset[str]
    max_replays: int = 1
    limit: int | None = None


@dataclass
class ReplayPlan:
    """Dead letters whose messages are to be sent again.

    Attributes:
        chosen: Partition and offset of each dead letter.
        counts: Number of messages to send, by topic and reason.
        skipped: Number of messages that match, but are not sent again, by the reason for skipping them.
        later: Number of messages left over because of the limit.
    """

    chosen: set[tuple[int, int]] = field(default_factory=set)
    counts: Counter[tuple[str, DeadLetterReason]] = field(default_factory=Counter)
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    later: int = 0


def plan_replay(
    dead_letters: Iterable[StoredDeadLetter], replayed: Container[MessageIdentity], rules: ReplayRules
) -> ReplayPlan:
    """Choose the dead letters whose messages are to be sent again.

    Args:
        dead_letters: Matching dead letters.
        replayed: Messages that were sent again before.
        rules: Rules for sending messages again.
    """
    plan = ReplayPlan()
    candidates: list[tuple[int, int, int, str, DeadLetterReason]] = []
    seen: set[MessageIdentity] = set()
    for each in dead_letters:
        # After a crash, a program may write a dead letter again.
        if each.message in seen:
            continue
        seen.add(each.message)
        if skip := skip_reason(each, replayed, rules):
            plan.skipped[skip] += 1
        else:
            content = each.content
            candidates.append(
                (content.refused_at_ms, each.partition, each.offset, content.source_topic, content.reason)
            )
    candidates.sort()
    chosen = candidates[: rules.limit]
    plan.chosen = {(partition, offset) for _, partition, offset, _, _ in chosen}
    plan.counts.update((topic, reason) for _, _, _, topic, reason in chosen)
    plan.later = len(candidates) - len(chosen)
    return plan


def skip_reason(
    dead_letter: StoredDeadLetter, replayed: Container[MessageIdentity], rules: ReplayRules
) -> SkipReason | None:
    """Return why a dead letter's message is not sent again; None if it is.

    Args:
        dead_letter: Dead letter of the message.
        replayed: Messages that were sent again before.
        rules: Rules for sending messages again.
    """
    content = dead_letter.content
    if dead_letter.message in replayed:
        return SkipReason.REPLAYED
    if content.truncated:
        return SkipReason.TRUNCATED
    if not content.value:
        return SkipReason.EMPTY
    if content.source_topic not in rules.topics:
        return SkipReason.TOPIC
    return SkipReason.MAX_REPLAYS if content.replays >= rules.max_replays else None

"""What a replay found, counted."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from schemas.messages import Decision


class Flip(Struct):
    """Transactions whose verdict would be another."""

    transactions: int = 0
    #: Minor units.
    amount_minor: int = 0


class ReplayReport(Struct):
    """A slice of history beside the same slice scored again."""

    #: The model that scored again; None: the roles of then.
    model: str | None
    transactions: int = 0
    #: Refused then, or not decided yet: there is nothing to compare with.
    without_decision: int = 0
    same: int = 0
    different: int = 0
    #: Decided then, and refused now.
    refused: int = 0
    #: `approve -> decline` and so on.
    flips: dict[str, Flip] = field(default_factory=dict)
    #: Between scores of then and now.
    largest_score_difference: float = 0.0

    @property
    def identical(self) -> bool:
        """Whether everything that was decided is decided the same again."""
        return not self.different and not self.refused


class Difference(Struct):
    """One line of a replay's file: a decision that would be another."""

    transaction_id: str
    source_topic: str
    source_partition: int
    source_offset: int
    #: By field: what was decided then, and what is now. Empty where it is refused now.
    fields: dict[str, tuple[Any, Any]]
    #: Why it is refused now.
    refused: str | None = None


class Tally:
    """Counts into a report, and passes on each difference.

    Args:
        report: Is counted into.
        on_difference: Told each decision that would be another, as JSON.
    """

    def __init__(self, report: ReplayReport, on_difference: Callable[[bytes], None]) -> None:
        self.report, self._tell = report, on_difference

    def decided(self, then: Decision, now: Decision, fields: dict[str, tuple[Any, Any]]) -> None:
        """Count a transaction that was decided again; `fields` are those that differ and matter."""
        report = self.report
        report.largest_score_difference = max(report.largest_score_difference, abs(then.score - now.score))
        if not fields:
            report.same += 1
            return
        report.different += 1
        if then.verdict != now.verdict:
            flip = report.flips.setdefault(f"{then.verdict} -> {now.verdict}", Flip())
            flip.transactions += 1
            flip.amount_minor += now.amount_minor or 0
        self._write(then, fields, None)

    def refused(self, then: Decision, why: str) -> None:
        """Count a transaction that is refused now."""
        self.report.refused += 1
        self._write(then, {}, why)

    def _write(self, then: Decision, fields: dict[str, tuple[Any, Any]], refused: str | None) -> None:
        place = (then.source_topic, then.source_partition, then.source_offset)
        self._tell(msgspec.json.encode(Difference(then.transaction_id, *place, fields, refused)))

"""The result of a replay: counts, and one line for each decision that differs."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from schemas.messages import Decision


class Flip(Struct):
    """The transactions whose verdict changes from one value to another, such as from approve to decline."""

    transactions: int = 0
    #: Sum of the transactions' amounts, in minor units.
    amount_minor: int = 0


class ReplayReport(Struct):
    """Counts from a replay, which compares a slice of history with the same slice scored again."""

    #: Name and version of the model that made all decisions; None for the historical roles.
    model: str | None
    transactions: int = 0
    #: Transactions without a decision to compare with: rejected at the time, or not yet decided.
    without_decision: int = 0
    same: int = 0
    different: int = 0
    #: Transactions that were decided at the time and are rejected now.
    refused: int = 0
    #: Changed verdicts, by a key such as `approve -> decline`.
    flips: dict[str, Flip] = field(default_factory=dict)
    #: Largest absolute difference between the original and the new score.
    largest_score_difference: float = 0.0

    @property
    def identical(self) -> bool:
        """Whether every decision was reproduced."""
        return not self.different and not self.refused


class DecisionDifference(Struct):
    """One line of a replay's output file: a decision that differs."""

    transaction_id: str
    source_topic: str
    source_partition: int
    source_offset: int
    #: Original and new value of each field that differs; empty if the transaction is rejected now.
    fields: dict[str, tuple[Any, Any]]
    #: Why the transaction is rejected now; None if it is decided.
    refused: str | None = None


class ReportBuilder:
    """Counts compared decisions and passes each difference on.

    Args:
        report: Report whose counts are increased.
        on_difference: Called with each decision that differs, as one line of JSON.
    """

    def __init__(self, report: ReplayReport, on_difference: Callable[[bytes], None]) -> None:
        self._report, self._on_difference = report, on_difference

    def decided(self, then: Decision, now: Decision, fields: dict[str, tuple[Any, Any]]) -> None:
        """Count a transaction that was decided again.

        Args:
            then: Original decision about the transaction.
            now: Decision made by the replay.
            fields: Original and new value of each compared field that differs.
        """
        report = self._report
        report.largest_score_difference = max(report.largest_score_difference, abs(then.score - now.score))
        if not fields:
            report.same += 1
            return
        report.different += 1
        if then.verdict != now.verdict:
            flip = report.flips.setdefault(f"{then.verdict} -> {now.verdict}", Flip())
            flip.transactions += 1
            flip.amount_minor += now.amount_minor or 0
        self._pass_on(then, fields, None)

    def refused(self, then: Decision, detail: str) -> None:
        """Count a transaction that was decided at the time and is rejected now."""
        self._report.refused += 1
        self._pass_on(then, {}, detail)

    def _pass_on(self, then: Decision, fields: dict[str, tuple[Any, Any]], refused: str | None) -> None:
        source = (then.source_topic, then.source_partition, then.source_offset)
        self._on_difference(msgspec.json.encode(DecisionDifference(then.transaction_id, *source, fields, refused)))

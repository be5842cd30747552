"""The result of one check."""

from typing import Literal

from msgspec import Struct

CheckName = Literal["audit", "parity", "calibration", "slices", "drift", "cost", "size", "card"]
Outcome = Literal["passed", "failed", "not checked"]
#: Names of the checks, in the order in which reports list them.
CHECKS: tuple[CheckName, ...] = ("audit", "parity", "calibration", "slices", "drift", "cost", "size", "card")


class CheckTable(Struct, frozen=True):
    """Details of a check, for the report."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: Number of columns, from the left, that contain text.
    text_columns: int = 1


class CheckResult(Struct, frozen=True):
    """The result of one check."""

    name: CheckName
    #: not checked: the check could not run, which is neither a pass nor a failure.
    outcome: Outcome
    #: One sentence without a full stop: what was measured, what is wrong, or why the check could not run.
    text: str
    #: Measurements by name; a name ends in the unit, if there is one.
    figures: dict[str, float] = {}
    table: CheckTable | None = None


def not_checked(name: CheckName, reason: str) -> CheckResult:
    """Return the result of a check that could not run."""
    return CheckResult(name, "not checked", reason)


def judged(
    name: CheckName,
    problems: list[str],
    text: str,
    figures: dict[str, float] | None = None,
    table: CheckTable | None = None,
) -> CheckResult:
    """Return the result of a check that ran: failed if there are problems, which are then its text.

    >>> judged("size", [], "2.1 MB").outcome
    'passed'
    >>> judged("size", ["120 MB are more than 100 MB"], "120 MB").text
    '120 MB are more than 100 MB'
    """
    outcome: Outcome = "failed" if problems else "passed"
    return CheckResult(name, outcome, "; ".join(problems) or text, figures or {}, table)

"""The result of a validation: all checks, and whether the bundle passes."""

import time

import msgspec
from msgspec import Struct

from training.machine import Machine
from training.validation.check import CheckName, CheckResult
from training.validation.thresholds import Thresholds, Use


class ValidationReport(Struct, frozen=True):
    """The result of validating one bundle."""

    #: Name and version in the manifest, or where the bundle is if the manifest has no version or cannot be trusted.
    bundle: str
    #: Hash of the manifest, which identifies the bundle.
    sha256: str
    #: Champion that the bundle was compared with, or why there is none.
    champion: str
    #: Labelled transactions that the bundle was judged on, or why there are none.
    data: str
    #: Command that validated the bundle.
    use: Use
    #: UTC milliseconds.
    validated_at_ms: int
    #: Machine on which the cost was measured.
    machine: Machine
    checks: tuple[CheckResult, ...]
    #: The limits that applied, among them the checks that must have run.
    thresholds: Thresholds

    @property
    def required(self) -> tuple[CheckName, ...]:
        """Names of the checks that must have run."""
        return self.thresholds.required.of(self.use)

    @property
    def problems(self) -> list[str]:
        """What is wrong: checks that failed, and required checks that did not run. Empty if the bundle passes."""
        failed = [f"{check.name}: {check.text}" for check in self.checks if check.outcome == "failed"]
        missing = [
            f"{check.name} was not checked ({check.text})"
            for check in self.checks
            if check.outcome == "not checked" and check.name in self.required
        ]
        return failed + missing

    @property
    def passed(self) -> bool:
        """True if no check failed and every required check ran."""
        return not self.problems

    @property
    def reason(self) -> str:
        """Why the bundle does not pass, in one line; empty if it passes."""
        return "; ".join(" ".join(problem.split()) for problem in self.problems)

    def lines(self) -> list[str]:
        """Return one line for each check, for a terminal, then one with the result."""
        lines = [f"{check.outcome:<11}  {check.name:<11}  {' '.join(check.text.split())}" for check in self.checks]
        return [*lines, f"{'passed' if self.passed else 'failed':<11}  {self.bundle}"]


class _Stored(Struct, frozen=True):
    """What the JSON file contains: the report, and what follows from it."""

    passed: bool
    reason: str
    report: ValidationReport


def now_ms() -> int:
    """Return the current time, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def encode_report(report: ValidationReport) -> bytes:
    """Return a report as JSON, indented so that people can read it too."""
    return msgspec.json.format(msgspec.json.encode(_Stored(report.passed, report.reason, report)), indent=1) + b"\n"

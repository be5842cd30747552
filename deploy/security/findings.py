"""What the checks report, and which findings are excepted."""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

#: The project's own exceptions, with the reason for each.
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
Table = Literal["exceptions", "vulnerabilities"]


class Finding(NamedTuple):
    """A weakness that a check reports."""

    #: Identifier of the violated rule or of the vulnerability, such as DL3008, or a licence.
    rule: str
    #: What the finding is about: a file, relative to the repository, a Kubernetes resource or a package.
    subject: str
    #: The rule in words, with the line if there is one.
    message: str

    def __str__(self) -> str:
        """Return the finding on one line."""
        return f"{self.subject}: {self.rule}: {self.message}"


class Exemption(NamedTuple):
    """An entry of `exceptions.toml`: a rule that the listed subjects may violate."""

    rule: str
    subjects: frozenset[str]
    reason: str


def read_exceptions(path: Path | None = None, table: Table = "exceptions") -> list[Exemption]:
    """Return the entries of a file of exceptions.

    Args:
        path: The file; None for the project's own.
        table: Entries of `make security`, or the vulnerabilities of `make audit`, which another program finds.

    Raises:
        ValueError: If an entry names no subject, a pattern as a subject, or no reason.
    """
    exemptions = []
    path = path or EXCEPTIONS
    for entry in tomllib.loads(path.read_text("utf-8")).get(table, ()):
        exemption = Exemption(entry["rule"], frozenset(entry["subjects"]), entry["reason"].strip())
        if not exemption.subjects or any("*" in subject for subject in exemption.subjects) or not exemption.reason:
            raise ValueError(f"{path.name}: the exception for {exemption.rule} needs subjects by name, and a reason")
        exemptions.append(exemption)
    return exemptions


def without_exceptions(findings: Iterable[Finding], exemptions: Sequence[Exemption]) -> list[Finding]:
    """Return the findings that no entry excepts."""
    excepted = {(each.rule, subject) for each in exemptions for subject in each.subjects}
    return [finding for finding in findings if (finding.rule, finding.subject) not in excepted]


def unused(findings: Iterable[Finding], exemptions: Sequence[Exemption]) -> list[str]:
    """Return a line for each exception that no finding needs any more."""
    found = {(finding.rule, finding.subject) for finding in findings}
    return [
        f"{each.rule} for {subject} is excepted, but no check reports it; remove the exception"
        for each in exemptions
        for subject in sorted(each.subjects)
        if (each.rule, subject) not in found
    ]

"""All checks of `make security`, and their outcome."""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from deploy.security.code import code_findings
from deploy.security.findings import Exemption, Finding, unused, without_exceptions
from deploy.security.images import image_findings
from deploy.security.licences import licence_findings
from deploy.security.manifests import manifest_findings
from deploy.security.secret_scan import secrets
from deploy.security.workflows import workflow_findings
from schemas.errors import FraudError

Check = Callable[[Path], Iterable[Finding]]

#: Every check by name; the argument is the root of the repository.
CHECKS: Mapping[str, Check] = {
    "secrets": secrets,
    "code": code_findings,
    "images": image_findings,
    "manifests": manifest_findings,
    "workflows": workflow_findings,
    "licences": licence_findings,
}


class Outcome(NamedTuple):
    """What one check found."""

    name: str
    #: All findings, excepted ones too.
    findings: tuple[Finding, ...]
    #: Why the check could not run; None if it did.
    error: str | None
    seconds: float


def run_checks(root: Path, checks: Mapping[str, Check] = CHECKS) -> list[Outcome]:
    """Run checks, as many at the same time as there are processors, and return their outcomes in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_outcome, checks, checks.values(), itertools.repeat(root)))


def _outcome(name: str, check: Check, root: Path) -> Outcome:
    started = time.monotonic()
    findings: tuple[Finding, ...] = ()
    error = None
    try:
        findings = tuple(check(root))
    except FraudError as failure:
        error = str(failure)
    return Outcome(name, findings, error, time.monotonic() - started)


def problems(outcomes: Sequence[Outcome], exemptions: Sequence[Exemption]) -> list[str]:
    """Return a line for each finding that is not excepted and each check that failed.

    If all checks ran, an exception that none of them needs is a problem too.
    """
    lines = [f"{each.name}: {each.error}" for each in outcomes if each.error]
    for each in outcomes:
        lines += [f"{each.name}: {finding}" for finding in without_exceptions(each.findings, exemptions)]
    if {each.name for each in outcomes if not each.error} == CHECKS.keys():
        lines += unused([finding for each in outcomes for finding in each.findings], exemptions)
    return lines

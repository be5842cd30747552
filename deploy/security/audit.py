"""`make audit`: look up known vulnerabilities of all locked packages, and exit with 1 if one is not excepted.

A vulnerability is published without any change here, often before a version that fixes it. Until there is one, an entry
of `[[vulnerabilities]]` in `exceptions.toml` excepts it, with the reason why it does no harm here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.security.findings import Finding, read_exceptions, unused, without_exceptions
from deploy.security.programs import ROOT, run_json
from schemas.errors import FraudError

LOCKS = ROOT / "requirements"
#: Variables that pip-audit may see besides those of all programs: how to reach the internet.
_NETWORK = ("HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def vulnerabilities(lock: Path) -> Iterator[Finding]:
    """Yield the known vulnerabilities of the packages in a lock file.

    Raises:
        FraudError: If pip-audit is not installed, or cannot look up every package.
    """
    options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--desc", "off")
    report = run_json(
        "pip-audit", *options, "--format", "json", "--requirement", lock,
        folder=lock.parent, accepted=(0, 1), variables=_NETWORK,
    )  # fmt: skip
    for package in report["dependencies"]:
        for each in package["vulns"]:
            # Databases number a vulnerability differently. The CVE is the number that does not change.
            rule = min((name for name in each["aliases"] if name.startswith("CVE-")), default=each["id"])
            fix = f"fixed in {', '.join(each['fix_versions'])}" if each["fix_versions"] else "no version fixes it yet"
            yield Finding(rule, package["name"], f"version {package['version']} in {lock.name}; {fix}")


def main() -> int:
    """Look up every lock file, print a line for each of them and each problem, and return the exit code."""
    findings: list[Finding] = []
    problems: list[str] = []
    for lock in sorted(LOCKS.glob("*.txt")):
        try:
            found = list(vulnerabilities(lock))
        except FraudError as error:
            problems.append(f"{lock.name}: {error}")
            continue
        sys.stdout.write(f"{lock.name:<16} {len(found)} vulnerabilities\n")
        findings += found
    exemptions = read_exceptions(table="vulnerabilities")
    # If a package was not looked up, nobody knows whether an exception is still needed.
    if problems:
        problems.append("not all packages were looked up; that needs the internet")
    else:
        problems += unused(findings, exemptions)
    problems += [str(finding) for finding in without_exceptions(findings, exemptions)]
    for problem in problems:
        sys.stderr.write(f"audit: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

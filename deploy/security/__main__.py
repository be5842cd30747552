"""`make security`: run all checks, print what they found, and exit with 1 if anything is neither fixed nor excepted."""

import os
import sys

from deploy.security.checks import CHECKS, problems, run_checks
from deploy.security.findings import read_exceptions
from deploy.security.programs import ROOT

#: Check by a program that .venv-security does not contain. If UNAVAILABLE_TOOLS names the program, as `.ci/run` does if
#: it cannot be installed, the check is skipped.
NEEDED = {"kubectl": "manifests"}


def main() -> int:
    """Print a line for each check and each problem, and return the exit code."""
    unavailable = os.environ.get("UNAVAILABLE_TOOLS", "").split()
    skipped = {check: program for program, check in NEEDED.items() if program in unavailable}
    outcomes = run_checks(ROOT, {name: check for name, check in CHECKS.items() if name not in skipped})
    for check, program in skipped.items():
        sys.stdout.write(f"{check:<10} skipped: {program} could not be installed\n")
    exemptions = read_exceptions()
    for each in outcomes:
        result = "did not run" if each.error else f"{len(each.findings)} findings"
        sys.stdout.write(f"{each.name:<10} {each.seconds:5.1f} s  {result}\n")
    lines = problems(outcomes, exemptions)
    for line in lines:
        sys.stderr.write(f"security: {line}\n")
    if not lines:
        sys.stdout.write("Every finding is excepted, with a reason, in deploy/security/exceptions.toml\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

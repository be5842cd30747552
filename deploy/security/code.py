"""Bandit on the code that ships. Ruff's S rules are a port of Bandit's and run on all code; Bandit has a few more.

Bandit rather than Semgrep: its rules are part of the package, so they are locked, open and work offline. Semgrep's are
downloaded from its registry, under a licence that is not open.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.security.findings import Finding
from deploy.security.programs import run_json

FOLDERS = ("schemas", "stream", "training", "benchmarks", "deploy")
#: The rule against importing subprocess. Only calls can do harm, and B602 to B607 check each of them.
HARMLESS = "B404"


def code_findings(root: Path) -> Iterator[Finding]:
    """Yield Bandit's findings in the Python files under a repository's root, except those that a `noqa` explains.

    Bandit's B603 is ruff's S603, so `# noqa: S603` with its reason holds for both. Ruff reports a stale one.
    """
    folders = [folder for folder in FOLDERS if (root / folder).is_dir()]
    options = ("--quiet", "--recursive", "--format", "json", "--skip", HARMLESS)
    report = run_json("bandit", *options, *folders, folder=root, accepted=(0, 1))
    for error in report["errors"]:
        yield Finding("not-parsed", error["filename"], error["reason"])
    for result in report["results"]:
        lines = (root / result["filename"]).read_text("utf-8").splitlines()
        flagged = lines[result["line_range"][0] - 1 : result["line_range"][-1]]
        rule = result["test_id"]
        if not any(re.search(rf"# noqa: [A-Z0-9, ]*\bS{rule[1:]}\b", line) for line in flagged):
            yield Finding(rule, result["filename"], f"line {result['line_number']}: {result['issue_text']}")

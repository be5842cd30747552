"""actionlint and zizmor on the workflows of the hosted CI, and zizmor on Dependabot's configuration."""

from collections.abc import Iterator
from pathlib import Path

from deploy.security.findings import Finding
from deploy.security.programs import run_json

FOLDER = Path(".github") / "workflows"


def workflow_findings(root: Path) -> Iterator[Finding]:
    """Yield what is wrong with the workflows under a repository's root."""
    files = sorted(path.relative_to(root) for path in (root / FOLDER).glob("*.yml"))
    # Whether ShellCheck is installed must not matter: no step contains a script.
    for error in run_json("actionlint", "-format", "{{json .}}", "-shellcheck=", *files, folder=root, accepted=(0, 1)):
        yield Finding(error["kind"], error["filepath"], f"line {error['line']}: {error['message']}")
    zizmor = ("--offline", "--no-progress", "--no-exit-codes", "--persona", "pedantic", "--format", "json")
    for result in run_json("zizmor", *zizmor, ".", folder=root):
        primary = next(each for each in result["locations"] if each["symbolic"]["kind"] == "Primary")
        file = primary["symbolic"]["key"]["Local"]["verbatim_path"].removeprefix("./")
        line = primary["concrete"]["location"]["start_point"]["row"] + 1
        yield Finding(result["ident"], file, f"line {line}: {result['desc']}")

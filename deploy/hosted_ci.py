"""`make ci`: run the make targets of the hosted CI's workflow on this machine, and say what that leaves out.

The workflow is the only list of targets, so this program never runs less than it says.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
#: Targets that are not run here, and the reason.
LEFT_OUT = {
    "audit": "asks a database on the internet for known vulnerabilities; run it where the internet can be reached",
}


class Step(NamedTuple):
    """A command that a job of a workflow runs."""

    job: str
    command: str

    @property
    def target(self) -> str:
        """The make target that the command runs.

        Raises:
            ValueError: If the command is anything but `make TARGET`.
        """
        match = re.fullmatch(r"make ([a-z-]+)\n?", self.command)
        if match is None:
            raise ValueError(f"the job {self.job} runs {self.command!r}; run a make target instead")
        return match[1]


def steps(workflow: Mapping[str, Any]) -> Iterator[Step]:
    """Yield each command that a workflow runs, in the order of the file."""
    for name, job in workflow["jobs"].items():
        yield from (Step(name, step["run"]) for step in job.get("steps", ()) if "run" in step)


def other_machines(workflow: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each job that the hosted CI runs on several machines; here, it runs once."""
    for job in workflow["jobs"].values():
        for name, values in job.get("strategy", {}).get("matrix", {}).items():
            yield f"{job['name'].partition(',')[0]}: the hosted CI runs them for {name} {', '.join(values)}"


def main() -> int:
    """Run every target once, and return the exit code: 1 if a target failed."""
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    targets = list(dict.fromkeys(step.target for step in steps(workflow)))
    failed = [target for target in targets if target not in LEFT_OUT and not _succeeds(target)]
    write = sys.stdout.write
    write("\nNot run here:\n")
    for target, reason in LEFT_OUT.items():
        write(f"  make {target}: {reason}\n")
    for line in other_machines(workflow):
        write(f"  {line}; here, they ran for this Python on this machine\n")
    write(f"\n{len(targets) - len(LEFT_OUT) - len(failed)} targets succeeded")
    write(f", {len(failed)} failed: {', '.join(failed)}\n" if failed else "\n")
    return 1 if failed else 0


def _succeeds(target: str) -> bool:
    """Run a make target, with its output, and return whether it succeeded."""
    sys.stdout.write(f"\n== make {target}\n")
    sys.stdout.flush()
    started = time.monotonic()
    done = subprocess.run(["make", target], cwd=ROOT, check=False)  # noqa: S603, S607 - targets of our own workflow
    sys.stdout.write(f"== make {target}: exit code {done.returncode} after {time.monotonic() - started:.0f} s\n")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

"""Bad releases: copies of the code with one fault each."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.release.processes import Release

_ROOT = Path(__file__).parents[2]
#: Packages that a release replaces.
_PACKAGES = ("schemas", "stream")


@dataclass(frozen=True)
class Fault:
    """A change of one file that makes a release bad.

    Attributes:
        name: What is wrong with the release.
        file: File to change.
        old: Text to replace, which occurs once.
        new: Text to put there.
        caught_by: Step of the release that must fail.
        because: What the reason for the failure must contain.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: str
    because: str

    def explains(self, step: str, reason: str) -> bool:
        """Return whether a step that failed is the one that must fail, and for the right reason."""
        return step.startswith(self.caught_by) and self.because in reason


_SCORE = """        refusals: list[Refusal] = []
        rows = self._refuse_unusable("""
FAULTS = (
    Fault(
        "does not start",
        "stream/http/program.py",
        "import asyncio\n",
        "import asyncio\nimport a_package_that_nobody_installed\n",
        "start the edge of",
        "a_package_that_nobody_installed",
    ),
    Fault(
        "answers 500",
        "stream/http/prediction_service.py",
        "            self._require_broker()\n",
        '            raise ZeroDivisionError("a fault in a new release")\n',
        "smoke tests on the edge of",
        "responds with 500",
    ),
    Fault(
        "decides differently",
        "stream/scoring/scorer.py",
        "            rows, scores = rows.where(scored), scores[scored]\n",
        "            rows, scores = rows.where(scored), scores[scored] * 0.99\n",
        "green decides the last",
        "decisions differ",
    ),
    Fault(
        "takes twice the CPU time",
        "stream/scoring/scorer.py",
        _SCORE,
        """        import time
        used = time.process_time() - getattr(self, "_burnt", time.process_time())
        until = time.process_time() + used
        while time.process_time() < until:
            pass
        self._burnt = time.process_time()
"""
        + _SCORE,
        "watch",
        "of CPU time per decision",
    ),
    Fault(
        "leaks 5 MB/s",
        "stream/scoring/scorer.py",
        _SCORE,
        """        import time
        now = time.monotonic()
        self._leak = getattr(self, "_leak", [])
        self._leak.append(b"x" * int(min(now - getattr(self, "_leaked", now), 1.0) * 5_000_000))
        self._leaked = now
"""
        + _SCORE,
        "watch",
        "memory grew",
    ),
)


def good_release() -> Release:
    """Return this code as a release."""
    return Release(Path(sys.executable))


def bad_release(fault: Fault, directory: Path) -> Release:
    """Return a release with a fault.

    Args:
        fault: The fault.
        directory: Directory for the copy of the code.

    Raises:
        ValueError: If the text to replace does not occur exactly once, because the code has changed.
    """
    for package in _PACKAGES:
        shutil.copytree(_ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    file = directory / fault.file
    text = file.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has changed: adapt the fault {fault.name!r} in {Path(__file__).name}")
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    return Release(Path(sys.executable), {"PYTHONPATH": str(directory)})

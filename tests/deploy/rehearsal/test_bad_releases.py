"""The bad releases of a rehearsal can be built from today's code."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.rehearsal.bad_releases import FAULTS, Fault, bad_release
from deploy.release.journal import Journal
from deploy.release.rollout import Rollout
from deploy.release.tracks import Track
from tests.deploy.release.scripted_target import ScriptedTarget
from tests.deploy.release.test_rollout import LIMITS
from tests.support.traffic import transaction


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_fits_the_code(fault: Fault, tmp_path: Path) -> None:
    """The changed file compiles, and a program of the release imports the changed copy."""
    release = bad_release(fault, tmp_path / "release")
    changed = (tmp_path / "release" / fault.file).read_text(encoding="utf-8")
    compile(changed, fault.file, "exec")
    assert changed.count(fault.new.strip()) == 1
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import stream; print(stream.__file__)"],
        env={"PYTHONPATH": release.environment["PYTHONPATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(tmp_path))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_names_a_step_of_a_release(fault: Fault, edge: str) -> None:
    """The step that must catch a fault is one that a release takes, and another step, or reason, does not count."""
    journal = Journal(str)
    Rollout(
        ScriptedTarget(edge), Track.GREEN, LIMITS, transactions=[transaction(1)], headers={}, journal=journal
    ).deploy()
    caught = [entry.step for entry in journal.entries if fault.explains(entry.step, f"it {fault.because} now")]
    assert caught == [entry.step for entry in journal.entries if entry.step.startswith(fault.caught_by)] != []
    assert not any(fault.explains(entry.step, "for another reason") for entry in journal.entries)


def test_code_that_has_changed_is_an_error(tmp_path: Path) -> None:
    """A fault whose text is no longer in the code does not silently become a good release."""
    fault = Fault("stale", "stream/cli.py", "this text does not exist", "", "watch", "")
    with pytest.raises(ValueError, match=r"adapt the fault 'stale' in bad_releases\.py"):
        bad_release(fault, tmp_path / "release")

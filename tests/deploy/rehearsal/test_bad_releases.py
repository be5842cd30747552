"""The bad releases of a rehearsal can be built from today's code."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.rehearsal.bad_releases import FAULTS, Fault, bad_release


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


def test_code_that_has_changed_is_an_error(tmp_path: Path) -> None:
    """A fault whose text is no longer in the code does not silently become a good release."""
    fault = Fault("stale", "stream/cli.py", "this text does not exist", "", "watch", "")
    with pytest.raises(ValueError, match=r"adapt the fault 'stale' in bad_releases\.py"):
        bad_release(fault, tmp_path / "release")

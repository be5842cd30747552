"""Only one study runs at a time."""

import fcntl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import StudyError
from training.study import lock
from training.study.lock import is_held, single_instance


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal does not take the usual two seconds."""
    monkeypatch.setattr(lock, "PATIENCE_S", 0.3)


def test_a_second_study_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    """Starting a second study while the first runs is an error; the second can start once the first has ended."""
    path = tmp_path / "var" / "study.lock"
    with (
        single_instance(path),
        pytest.raises(StudyError, match=r"another study is running in this directory .*; wait until that process ends"),
        single_instance(path),
    ):
        pass
    with single_instance(path):
        assert path.exists()


def test_a_lock_file_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    """If the lock file cannot be created, because its directory is itself a file, an error is raised."""
    (tmp_path / "var").touch()
    with (
        pytest.raises(StudyError, match=r"cannot write to .*study.lock"),
        single_instance(tmp_path / "var" / "study.lock"),
    ):
        pass


def test_a_health_check_does_not_stop_the_program_that_it_asks_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The health check of `watch` takes the lock for a moment; a program that starts in that moment still gets it."""
    monkeypatch.setattr(lock, "PATIENCE_S", 20.0)
    path = tmp_path / "retrain.lock"
    with path.open("w") as probe, ThreadPoolExecutor(1) as pool:
        fcntl.flock(probe, fcntl.LOCK_EX)
        started = threading.Event()

        def start() -> str:
            started.set()
            with single_instance(path):
                return "runs"

        result = pool.submit(start)
        started.wait()
        with pytest.raises(TimeoutError):
            result.result(timeout=0.2)
        fcntl.flock(probe, fcntl.LOCK_UN)
        assert result.result(timeout=10) == "runs"


def test_a_health_check_sees_whether_the_lock_is_held(tmp_path: Path) -> None:
    """A missing file, a free lock and a held one; the check itself leaves the lock free."""
    path = tmp_path / "retrain.lock"
    check = [sys.executable, "-m", "training.study.lock", str(path)]
    assert not is_held(path)
    with single_instance(path):
        assert is_held(path)
        assert subprocess.run(check, check=False).returncode == 0
    assert not is_held(path)
    free = subprocess.run(check, check=False, capture_output=True, text=True)
    assert (free.returncode, free.stderr) == (1, f"no process holds {path}\n")

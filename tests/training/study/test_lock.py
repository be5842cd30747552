"""Only one study runs at a time."""

from pathlib import Path

import pytest

from schemas.errors import StudyError
from training.study.lock import single_instance


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

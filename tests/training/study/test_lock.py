"""One study at a time."""

from pathlib import Path

import pytest

from schemas.errors import StudyError
from training.study.lock import only_one


def test_a_second_study_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    """Then the place is free again."""
    path = tmp_path / "var" / "study.lock"
    with (
        only_one(path),
        pytest.raises(StudyError, match=r"another study is running here .*; wait for it"),
        only_one(path),
    ):
        pass
    with only_one(path):
        assert path.exists()


def test_a_place_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "var").touch()
    with pytest.raises(StudyError, match=r"study.lock cannot be written"), only_one(tmp_path / "var" / "study.lock"):
        pass

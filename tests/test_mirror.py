"""The folders of `tests` mirror those of the code, so the tests of a module are where a reader looks for them."""

from pathlib import Path

import pytest

from tests.support.imports import OUTSIDE, PACKAGES, ROOT

TESTS = ROOT / "tests"
#: Folders of tests that belong to no folder of code, with what they test.
OWN = {
    "compose": "docker-compose.yml as a whole",
    "docs": "the pages, whose commands run",
    "faults": "the worker as a whole, while something fails",
    "support": "code that tests share",
}
FOLDERS = sorted({file.parent.relative_to(TESTS) for file in TESTS.rglob("test_*.py")} - {Path()})


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_folder_of_tests_mirrors_a_folder_of_code(folder: Path) -> None:
    """Tests of `stream/kafka` are in `tests/kafka`, tests of `training/study` in `tests/training/study`."""
    if folder.parts[0] in OWN:
        return
    in_another_package = folder.parts[0] in {*PACKAGES, *OUTSIDE} - {"stream", "tests"}
    assert (ROOT / ("" if in_another_package else "stream") / folder).is_dir()

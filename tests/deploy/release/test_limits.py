"""Reading the limits of a release."""

from pathlib import Path

import pytest

from deploy.release.errors import ReleaseError
from deploy.release.limits import DEFAULTS, read_limits


def test_the_defaults_are_valid() -> None:
    """The file in the repository has every limit."""
    assert read_limits().error_share == 0.001


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cpu_ratio: 1.5", "", "missing required field `cpu_ratio`"),
        ("cpu_ratio: 1.5", "cpu_ratio: 1.5\ncpu_ration: 2", "unknown field `cpu_ration`"),
        ("cpu_ratio: 1.5", "cpu_ratio: 0.5", "cpu_ratio"),
        ("error_share: 0.001", "error_share: 2", "error_share"),
        ("warm_up_s: 30", "warm_up_s: 600", "watch_minutes must be longer"),
        ("error_share: 0.001", "error_share: a lot", "error_share"),
        ("error_share: 0.001", "error_share: [", "is not YAML"),
    ],
)
def test_a_bad_file_is_one_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A missing, unknown or impossible limit is an error that names the file and the limit."""
    file = tmp_path / "limits.yaml"
    file.write_text(DEFAULTS.read_text().replace(old, new))
    with pytest.raises(ReleaseError, match=message) as refused:
        read_limits(file)
    assert str(file) in str(refused.value)


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    """The error says which file cannot be read."""
    with pytest.raises(ReleaseError, match="cannot read"):
        read_limits(tmp_path / "none.yaml")

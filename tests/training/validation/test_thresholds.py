"""Thresholds are read strictly: a mistake in the file is an error, never a limit that silently does not apply."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import DataError
from training.validation.check import CHECKS
from training.validation.thresholds import DEFAULT, read_thresholds

BUILT_IN = (files("training") / "configs" / "validation.yaml").read_text("utf-8")


def write(folder: Path, change: dict[str, dict[str, Any]]) -> Path:
    """Write the built-in thresholds with some values changed, or removed if None."""
    limits = yaml.safe_load(BUILT_IN)
    for section, values in change.items():
        for name, value in values.items():
            if value is None:
                del limits[section][name]
            else:
                limits.setdefault(section, {})[name] = value
    path = folder / "limits.yaml"
    path.write_text(yaml.safe_dump(limits))
    return path


def test_a_copy_of_the_file_is_the_default(tmp_path: Path) -> None:
    """Whoever copies the built-in file begins with the built-in limits."""
    assert read_thresholds(write(tmp_path, {})) == DEFAULT == read_thresholds(None)


def test_a_changed_limit_applies(tmp_path: Path) -> None:
    """A value in the file replaces the built-in one."""
    changed = read_thresholds(write(tmp_path, {"size": {"max_mb": 7}, "required": {"watch": ["drift"]}}))
    assert (changed.size.max_mb, changed.required.of("watch")) == (7, ("drift",))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"size": {"max_gb": 1}}, "unknown field `max_gb`"),
        ({"sizes": {"max_mb": 1}}, "unknown field `sizes`"),
        ({"size": {"max_mb": None}}, "missing required field `max_mb`"),
        ({"size": {"max_mb": "much"}}, "Expected `float`, got `str`"),
        ({"slices": {"alpha": 1.5}}, "Expected `float` < 1.0"),
        ({"cost": {"max_ratio": 0.5}}, "Expected `float` >= 1.0"),
        ({"required": {"register": ["adit"]}}, "Invalid enum value 'adit'"),
        ({"drift": {"fails_at": "never"}}, "Invalid enum value 'never'"),
        ({"slices": {"amount_edges": [100, 200]}}, "slices.amount_edges must begin with 0 and ascend"),
        ({"slices": {"amount_edges": [0, 200, 200]}}, "slices.amount_edges must begin with 0 and ascend"),
    ],
)
def test_a_mistake_is_an_error(tmp_path: Path, change: dict[str, dict[str, Any]], error: str) -> None:
    """An unknown, missing or impossible value is a one-line error that names the file."""
    path = write(tmp_path, change)
    with pytest.raises(DataError) as caught:
        read_thresholds(path)
    assert error in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[", "size: 3", "\x00"])
def test_a_file_that_is_not_thresholds_is_an_error(tmp_path: Path, text: str) -> None:
    """An empty or broken file is a one-line error."""
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(DataError, match=r"^\S*bad.yaml"):
        read_thresholds(tmp_path / "bad.yaml")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A path without a file is a one-line error."""
    with pytest.raises(DataError, match=r"cannot be read \(No such file or directory\)"):
        read_thresholds(tmp_path / "gone.yaml")


def test_the_file_names_every_check() -> None:
    """A reader of the file finds the names that `required` takes."""
    assert f"# checks: {', '.join(CHECKS)}" in BUILT_IN.splitlines()

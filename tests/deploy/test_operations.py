"""docs/operations.md names every metric of every program, with its labels, and no other."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.exported import PROCESS, families, registries

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
EXPORTED = families()


class Row(NamedTuple):
    """A line of the table."""

    names: list[str]
    labels: list[list[str]]
    programs: str


def rows() -> list[Row]:
    """Return the table of metrics."""
    table = PAGE.partition("\n## Metrics\n")[2]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return [
        Row(
            re.findall(r"`(\w+)`", names),
            [re.findall(r"`(\w+)`", each) for each in labels.split(";")],
            programs.strip(),
        )
        for names, _, labels, programs, _ in cells
    ]


ROWS = rows()


def test_every_metric_is_told_of_once() -> None:
    """Those of processes, too."""
    told = [name for row in ROWS for name in row.names]
    assert len(told) == len(set(told))
    assert set(told) == set(EXPORTED) | PROCESS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])
def test_labels_and_programs_are_as_exported(row: Row) -> None:
    """Where the metrics of a row differ, a semicolon stands between their labels."""
    for place, name in enumerate(row.names):
        if name in EXPORTED:
            labels = row.labels[place] if len(row.labels) > 1 else row.labels[0]
            assert set(labels) == set(EXPORTED[name].labels)
            assert set(row.programs.split(", ")) == EXPORTED[name].programs
        else:
            assert row.programs == "all"


def test_there_are_programs() -> None:
    """The checks above would hold of nothing, too."""
    assert len(registries()) == 4
    assert len(EXPORTED) > 50

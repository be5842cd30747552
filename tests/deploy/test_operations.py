"""docs/operations.md lists exactly the metrics that the programs export, with their labels."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.exported import PROCESS, families, registries

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
EXPORTED = families()


class Row(NamedTuple):
    """A row of the metrics table."""

    names: list[str]
    labels: list[list[str]]
    programs: str


def rows() -> list[Row]:
    """Return the rows of the metrics table."""
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


def test_every_metric_is_listed_once() -> None:
    """Each exported metric, including prometheus_client's process metrics, is in the table exactly once."""
    listed = [name for row in ROWS for name in row.names]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(EXPORTED) | PROCESS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])
def test_labels_and_programs_are_as_exported(row: Row) -> None:
    """Each metric has the labels, and is exported by the programs, that the table lists.

    If the metrics in a row have different labels, semicolons separate the lists of labels.
    """
    for index, name in enumerate(row.names):
        if name in EXPORTED:
            labels = row.labels[index] if len(row.labels) > 1 else row.labels[0]
            assert set(labels) == set(EXPORTED[name].labels)
            assert set(row.programs.split(", ")) == EXPORTED[name].programs
        else:
            assert row.programs == "all"


def test_metrics_are_exported() -> None:
    """At least some metrics are found; otherwise, the tests above would pass without checking any."""
    assert len(registries()) == 4
    assert len(EXPORTED) > 50

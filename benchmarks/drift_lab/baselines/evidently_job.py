"""Runs Evidently's default test on each column, in an environment of its own; see `evidently.py`.

It runs the tests of `DataDriftPreset` without the HTML report, which takes ten times as long. It imports nothing from
this project.

Usage: python evidently_job.py WINDOWS.npz RESULTS.json
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

# This must be set before the import, because otherwise Evidently sends usage statistics.
os.environ["DO_NOT_TRACK"] = "1"

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType


def main(windows: Path, output: Path) -> None:
    """Test all k columns in the w windows of each scenario; write whether each drifted, or null for an empty column."""
    warnings.simplefilter("ignore")
    with np.load(windows) as file:
        scenarios: dict[str, Any] = dict(file)
    reference = scenarios.pop("reference")
    columns = [pd.Series(column) for column in reference.T]
    drifted: dict[str, list[list[bool | None]]] = {
        name: [
            [_drifted(expected, pd.Series(current)) for expected, current in zip(columns, window.T, strict=True)]
            for window in each
        ]
        for name, each in scenarios.items()
    }
    output.write_text(json.dumps(drifted), encoding="utf-8")


def _drifted(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> bool | None:
    if current.isna().all():
        return None  # the preset raises ValueError for an empty column
    test = get_stattest(reference, current, ColumnType.Numerical, None)
    return bool(test(reference, current, ColumnType.Numerical, None).drifted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Evidently's default test of each column, run in an environment of its own; see `evidently.py`.

It is what `DataDriftPreset` asks, without the report's HTML, which takes ten times as long. Imports nothing of ours.

Usage: python evidently_job.py WINDOWS.npz ANSWERS.json
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

# Before it is imported: it would count its users otherwise.
os.environ["DO_NOT_TRACK"] = "1"

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType


def main(windows: Path, answers: Path) -> None:
    """Answer for each window (w, n, k) of each set: which columns have drifted, and which can't be said."""
    warnings.simplefilter("ignore")
    with np.load(windows) as file:
        sets: dict[str, Any] = dict(file)
    reference = sets.pop("reference")
    columns = [pd.Series(column) for column in reference.T]
    said: dict[str, list[list[bool | None]]] = {
        name: [[_drifted(mine, pd.Series(its)) for mine, its in zip(columns, window.T, strict=True)] for window in each]
        for name, each in sets.items()
    }
    answers.write_text(json.dumps(said), encoding="utf-8")


def _drifted(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> bool | None:
    if current.isna().all():
        return None  # the preset raises ValueError: an empty column
    test = get_stattest(reference, current, ColumnType.Numerical, None)
    return bool(test(reference, current, ColumnType.Numerical, None).drifted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

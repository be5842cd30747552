"""The progress display of a study."""

import io

import pytest
from rich.console import Console

from training.study.progress import StudyProgress


@pytest.mark.parametrize("terminal", [True, False])
def test_each_entry_ends_with_one_line(terminal: bool) -> None:
    """Without a terminal, no bars are shown, and no line is printed for entries that an earlier process finished."""
    out = io.StringIO()
    progress = StudyProgress(Console(file=out, force_terminal=terminal, width=100))
    with progress.shown(3):
        progress.begin("xgboost/none", 4)
        progress.step("xgboost/none")
        progress.end("xgboost/none", "PR-AUC [0.8]")
        progress.end("net/none", None)
        progress.end("stack/none", "left out, no time was left")
    text = out.getvalue()
    assert text.count("xgboost/none: PR-AUC [0.8]\n") == 1
    assert "stack/none: left out, no time was left\n" in text
    assert "net/none:" not in text
    assert ("study" in text) == terminal

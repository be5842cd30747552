"""The budget of a study."""

import math

import pytest

from schemas.errors import StudyError
from training.study.budget import Budget


@pytest.mark.parametrize("minutes", [0, -1, math.nan])
def test_no_minutes_are_refused(minutes: float) -> None:
    """Before anything is read or run."""
    with pytest.raises(StudyError, match=r"a budget of .* minutes leaves no time; give more, or leave --budget out"):
        Budget(minutes)


def test_no_budget_allows_everything() -> None:
    """As long as it takes."""
    assert Budget(None).allows(1e9)


def test_work_must_be_done_in_time_with_some_kept_for_the_end() -> None:
    """Of ten minutes the last 48 seconds are for refit and export."""
    now = 0.0
    budget = Budget(10, clock=lambda: now)
    assert budget.allows(550)
    assert not budget.allows(560)
    now = 540.0
    assert budget.allows(10)
    assert not budget.allows(20)

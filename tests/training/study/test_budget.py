"""The time limit of a study."""

import math

import pytest

from schemas.errors import StudyError
from training.study.budget import Budget


@pytest.mark.parametrize("minutes", [0, -1, math.nan])
def test_a_budget_without_time_is_refused(minutes: float) -> None:
    """Creating a time budget that is zero or negative raises an error."""
    with pytest.raises(StudyError, match=r"a budget of .* minutes leaves no time; increase --budget or leave it out"):
        Budget(minutes)


def test_no_budget_allows_any_duration() -> None:
    """Without a limit, work of any duration is allowed."""
    assert Budget(None).allows(1e9)


def test_work_must_finish_in_time_with_a_reserve_for_the_end() -> None:
    """Of a budget of ten minutes, the last 48 seconds are reserved for the refit and the export."""
    now = 0.0
    budget = Budget(10, clock=lambda: now)
    assert budget.allows(550)
    assert not budget.allows(560)
    now = 540.0
    assert budget.allows(10)
    assert not budget.allows(20)

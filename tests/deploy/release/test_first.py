"""The first release: its steps, and that nothing of it is left running if one of them fails."""

import pytest

from deploy.release.errors import ReleaseRejectedError
from deploy.release.first import start_first
from deploy.release.journal import Journal
from tests.deploy.release.scripted_target import ScriptedTarget
from tests.support.traffic import transaction

STEPS = ["start blue http", "route blue", "start blue worker", "start blue stores"]


def test_the_steps_are_in_order(edge: str) -> None:
    """Clients are sent to the edge after its smoke tests."""
    target, lines = ScriptedTarget(edge), list[str]()
    start_first(target, [transaction(1)], {}, Journal(lines.append))
    assert target.calls == STEPS
    assert "smoke tests on the edge of blue" in lines[1]


@pytest.mark.parametrize("fails", STEPS)
def test_a_step_that_fails_stops_what_was_started(edge: str, fails: str) -> None:
    """The error of the step is the one that is seen."""
    target = ScriptedTarget(edge, fails=(fails,))
    with pytest.raises(ReleaseRejectedError, match=f"{fails} failed"):
        start_first(target, [transaction(1)], {}, Journal(lambda _: None))
    assert target.calls == [*STEPS[: STEPS.index(fails) + 1], "stop blue worker", "stop blue http"]

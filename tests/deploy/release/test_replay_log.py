"""What a pod printed while it decided transactions again."""

import msgspec
import pytest

from deploy.release.errors import ReleaseError, ReleaseRejectedError
from deploy.release.replay_log import read_replay
from stream.replay.report import DecisionDifference, Flip, ReplayReport

DIFFERENCE = DecisionDifference("1", "transactions", 0, 7, {"score": (0.1, 0.2)})
LINE = msgspec.json.encode(DIFFERENCE).decode()
NOISE = '{"level":"warning","event":"the broker is slow"}'


def _report(same: int = 0, different: int = 0, refused: int = 0) -> str:
    report = ReplayReport(None, transactions=10, same=same, different=different, refused=refused)
    report.flips["approve -> decline"] = Flip(1, 100)
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def test_the_differences_are_told_from_the_programs_own_lines() -> None:
    """Standard output and standard error are one stream in a pod's log."""
    log = f"connecting\n{LINE}\n{NOISE}\n{LINE}\n{_report(different=1, refused=1)}\nclosing\n"
    report, differences = read_replay(log)
    assert (report.different, report.refused) == (1, 1)
    assert differences == [DIFFERENCE, DIFFERENCE]


def test_no_difference_is_an_empty_list() -> None:
    """The report alone says that all decisions are the same."""
    report, differences = read_replay(_report(same=10))
    assert (report.same, differences) == (10, [])


@pytest.mark.parametrize("log", ["", "no broker responds at kafka:9093\n", f"{LINE}\nout of memory\n"])
def test_a_log_without_a_report_is_a_failed_replay(log: str) -> None:
    """A replay that ended early proves nothing."""
    with pytest.raises(ReleaseRejectedError, match="the replay failed: "):
        read_replay(log)


def test_a_log_that_lost_lines_is_an_error() -> None:
    """Kubernetes rotates long logs; differences that are missing may be in undeclared fields."""
    with pytest.raises(ReleaseError, match="3 decisions differ, but the replay's log has only 1 of them"):
        read_replay(f"{LINE}\n{_report(different=3)}\n")

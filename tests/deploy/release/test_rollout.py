"""The order of a release's steps, and the way back from each of them, on a target that only records them."""

import signal

import msgspec
import pytest

from deploy.release.errors import IncompleteError, ReleaseRejectedError
from deploy.release.journal import Journal
from deploy.release.limits import Limits, read_limits
from deploy.release.rollout import Rollout
from deploy.release.tracks import Track
from tests.deploy.release.scripted_target import ScriptedTarget
from tests.support.traffic import transaction

LIMITS = msgspec.structs.replace(
    read_limits(), watch_minutes=0.005, alone_minutes=0.002, interval_s=0.02, warm_up_s=0.01, patience_s=0.05
)
BEFORE_ROUTE = ["replay green", "start green http", "start green worker"]
RELEASED = [
    *BEFORE_ROUTE,
    "route green",
    "stop blue worker",
    "stop blue stores",
    "start green stores",
    "stop blue http",
]
BACK = ["stop green worker", "stop green http"]


def _rollout(target: ScriptedTarget, lines: list[str], limits: Limits = LIMITS) -> Rollout:
    journal = Journal(lines.append)
    return Rollout(target, Track.GREEN, limits, transactions=[transaction(1)], headers={}, journal=journal)


def test_a_good_release_takes_over(edge: str) -> None:
    """All steps are taken in order, and the log has one line for each of them."""
    target, lines = ScriptedTarget(edge), list[str]()
    _rollout(target, lines).deploy()
    assert target.calls == RELEASED
    assert len(lines) == 10
    assert "all 10,000 decisions are the same" in lines[0]
    assert not any("FAILED" in line for line in lines)


def test_the_log_says_when_nothing_was_compared(edge: str) -> None:
    """On a quiet stream, a watch ends before there is enough to compare; that is no reason to reject the release."""
    lines: list[str] = []
    limits = msgspec.structs.replace(LIMITS, min_decisions=10_000_000)
    _rollout(ScriptedTarget(edge), lines, limits).deploy()
    (beside,) = (line for line in lines if "watch green beside blue" in line)
    assert "with fewer than 10,000,000 decisions of each, alert rate, scores and CPU time were not compared" in beside


def test_a_track_warms_up_only_once(edge: str) -> None:
    """Watched alone, the new track is counted from the first moment, even for less than the warm-up."""
    lines: list[str] = []
    limits = msgspec.structs.replace(LIMITS, watch_minutes=0.02, warm_up_s=0.5, alone_minutes=0.002)
    _rollout(ScriptedTarget(edge), lines, limits).deploy()
    (alone,) = (line for line in lines if "watch green alone" in line)
    assert "0.200 ms CPU each" in alone


@pytest.mark.parametrize(
    ("fails", "taken"),
    [
        ("replay green", ["replay green"]),
        ("start green http", [*BEFORE_ROUTE[:2], "stop green http"]),
        ("start green worker", [*BEFORE_ROUTE, *BACK]),
        ("route green", [*BEFORE_ROUTE, "route green", "route blue", *BACK]),
        (
            "stop blue worker",
            [*BEFORE_ROUTE, "route green", "stop blue worker", "route blue", "start blue worker", *BACK],
        ),
    ],
)
def test_a_step_that_fails_is_undone_with_all_before_it(edge: str, fails: str, taken: list[str]) -> None:
    """The steps so far are undone, HTTP traffic first; the failed one may have been half done."""
    target, lines = ScriptedTarget(edge, fails=(fails,)), list[str]()
    with pytest.raises(ReleaseRejectedError, match=f"{fails} failed"):
        _rollout(target, lines).deploy()
    assert target.calls == taken
    assert sum("FAILED" in line for line in lines) == 1


def test_smoke_tests_fail_before_traffic_moves() -> None:
    """An edge that does not respond gets no traffic."""
    target = ScriptedTarget("http://127.0.0.1:9")
    with pytest.raises(ReleaseRejectedError, match="does not respond"):
        _rollout(target, []).deploy()
    assert target.calls == ["replay green", "start green http", "stop green http"]


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        ({"errors": 30.0, "requests": 100.0}, "HTTP requests failed"),
        ({"unscorable": 10.0}, "could not be scored"),
        ({"alerts": 400.0}, "of the decisions alert"),
        ({"cpu_s": 3.0}, "CPU time per decision"),
        ({"memory_bytes": 5e7}, "memory grew"),
        ({"lag": 20_000.0}, "behind, and not catching up, for more than"),
    ],
)
def test_a_release_that_breaks_a_limit_is_rolled_back(edge: str, growth: dict[str, float], message: str) -> None:
    """What the metrics of the new track show is enough to go back."""
    target = ScriptedTarget(edge, growth={Track.GREEN: growth})
    with pytest.raises(ReleaseRejectedError, match=message):
        _rollout(target, []).deploy()
    assert target.calls == [*BEFORE_ROUTE, "route green", "route blue", *BACK]


def _difference(**fields: object) -> bytes:
    line = {"transaction_id": "1", "source_topic": "t", "source_partition": 0, "source_offset": 0, "fields": fields}
    return msgspec.json.encode(line) + b"\n"


def test_only_declared_fields_may_differ(edge: str) -> None:
    """A release may change decisions in the fields that it declares, and in no others."""
    limits = msgspec.structs.replace(LIMITS, declared_differences=("reasons",))
    declared = _difference(reasons=[[], []])
    lines = list[str]()
    _rollout(ScriptedTarget(edge, differences=declared), lines, limits).deploy()
    assert "1 of 10,000 decisions differ, only in declared fields" in lines[0]
    target = ScriptedTarget(edge, differences=declared + _difference(score=[0.1, 0.2], reasons=[[], []]))
    with pytest.raises(ReleaseRejectedError, match=r"2 of 10,000 decisions differ \(score in 1\)"):
        _rollout(target, [], limits).deploy()
    assert target.calls == ["replay green"]


def test_too_few_decisions_prove_nothing(edge: str) -> None:
    """Where there is no traffic, no difference would show; the limits of such a place say that it is enough."""
    target = ScriptedTarget(edge)
    limits = msgspec.structs.replace(LIMITS, min_replayed=10_001)
    with pytest.raises(ReleaseRejectedError, match=r"only 10,000 decisions could be made again \(limit 10,001\)"):
        _rollout(target, [], limits).deploy()
    assert target.calls == ["replay green"]


def test_a_transaction_that_is_rejected_now_is_never_declared(edge: str) -> None:
    """Refusing what was accepted is no difference in a field."""
    refused = _difference()[:-2] + b',"refused":"too large"}\n'
    with pytest.raises(ReleaseRejectedError, match="1 transactions that were decided are rejected now"):
        _rollout(ScriptedTarget(edge, differences=refused), []).deploy()


def test_a_rollback_goes_on_where_it_can(edge: str) -> None:
    """A step that cannot be undone is reported, and the others are undone all the same."""
    target = ScriptedTarget(edge, fails=("route green", "stop green worker"))
    with pytest.raises(
        IncompleteError, match="the rollback is incomplete, finish it by hand: stop green worker failed"
    ):
        _rollout(target, []).deploy()
    assert target.calls[-3:] == ["route blue", *BACK]


def test_an_edge_that_still_gets_requests_goes_on(edge: str) -> None:
    """If HTTP traffic cannot be moved back, stopping the new edge would fail every request."""
    target = ScriptedTarget(edge, fails=("stop blue worker", "route blue"))
    with pytest.raises(IncompleteError, match="finish it by hand: route blue failed"):
        _rollout(target, []).deploy()
    assert target.calls[-3:] == ["route blue", "start blue worker", "stop green worker"]


def test_a_signal_does_not_stop_a_rollback(edge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle would leave both tracks running."""
    target = ScriptedTarget(edge, fails=("stop blue worker",))
    interrupted = ["start blue worker", "stop green http"]

    def call(name: str) -> None:
        original(name)
        if name in interrupted:
            signal.raise_signal(signal.SIGINT)

    original = target._call
    monkeypatch.setattr(target, "_call", call)
    with pytest.raises(ReleaseRejectedError, match="stop blue worker failed"):
        _rollout(target, []).deploy()
    assert target.calls[-4:] == ["route blue", "start blue worker", *BACK]


def test_a_backlog_that_falls_is_no_reason_to_reject(edge: str) -> None:
    """A track that takes over from one that was too slow has to work off what that one left."""
    target = ScriptedTarget(edge, growth={Track.GREEN: {"lag": -100_000.0}}, lag=10_000_000.0)
    _rollout(target, []).restore()
    assert target.calls[-1] == "stop blue http"


@pytest.mark.parametrize("fails", ["start green stores", "stop blue stores", "stop blue http"])
def test_a_last_step_that_fails_needs_a_person(edge: str, fails: str) -> None:
    """Green serves by then, and its workers decide alone: nothing is rolled back."""
    target = ScriptedTarget(edge, fails=(fails,))
    with pytest.raises(IncompleteError, match=f"green serves, but its release is not complete: {fails} failed"):
        _rollout(target, []).deploy()
    assert target.calls == RELEASED[: RELEASED.index(fails) + 1]


def test_a_restored_track_is_not_compared_with_the_one_it_replaces(edge: str) -> None:
    """The old track's decisions may be wrong, and its CPU time too low for a comparison."""
    target = ScriptedTarget(edge, differences=_difference(score=[0.1, 0.2]), growth={Track.BLUE: {"alerts": 400.0}})
    _rollout(target, []).restore()
    assert target.calls == [*RELEASED[1:5], "stop blue http"]


def test_a_restored_track_must_work(edge: str) -> None:
    """One that cannot score is stopped again, and the old one returns."""
    target = ScriptedTarget(edge, growth={Track.GREEN: {"unscorable": 10.0}})
    with pytest.raises(ReleaseRejectedError, match="could not be scored"):
        _rollout(target, []).restore()
    assert target.calls == [*RELEASED[1:5], "route blue", "start blue worker", *BACK]


def test_an_error_of_the_tool_itself_is_rolled_back_and_no_success(edge: str) -> None:
    """Both tracks must not go on running because of a programming error."""
    target, lines = ScriptedTarget(edge, growth={Track.GREEN: {"no such field": 1.0}}), list[str]()
    with pytest.raises(AttributeError):
        _rollout(target, lines).deploy()
    assert target.calls == [*BEFORE_ROUTE, "route blue", *BACK]
    assert "FAILED HTTP traffic goes to green" in lines[4]

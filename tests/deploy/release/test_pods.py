"""When a workload is rolled out, and what is said about pods that are not ready."""

from typing import Any

import pytest

from deploy.release.errors import ReleaseRejectedError
from deploy.release.pods import completed, finished, is_ready, rolled_out, why_not_ready

READY = {"type": "Ready", "status": "True"}


def _workload(generation: int = 2, **status: int) -> dict[str, Any]:
    counts = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}
    return {"metadata": {"generation": generation}, "spec": {"replicas": 3}, "status": counts | status}


def _pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


@pytest.mark.parametrize(
    ("workload", "ready"),
    [
        (_workload(), True),
        (_workload(generation=3), False),
        (_workload(readyReplicas=2), False),
        (_workload(updatedReplicas=1), False),
        (_workload(replicas=4), False),
        ({"metadata": {"generation": 1}, "spec": {"replicas": 3}}, False),
        (None, False),
    ],
    ids=["done", "not yet seen by the controller", "not ready", "old pods", "one old pod more", "no status", "missing"],
)
def test_a_workload_is_rolled_out_when_all_pods_are_new_and_ready(
    workload: dict[str, Any] | None, *, ready: bool
) -> None:
    """The status may still be that of the workload before the change."""
    assert rolled_out(workload) is ready


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    """It may still report that it is."""
    pod = _pod("a", conditions=[READY])
    assert is_ready(pod)
    pod["metadata"]["deletionTimestamp"] = "2026-11-30T13:00:00Z"
    assert not is_ready(pod)
    assert not is_ready(_pod("a"))


@pytest.mark.parametrize(
    ("phase", "ended"), [("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True)]
)
def test_a_replay_ends_with_either_result(phase: str, *, ended: bool) -> None:
    """Exit code 1 stands for decisions that differ."""
    assert finished(_pod("a", phase=phase)) is ended
    assert not finished(None)


def test_a_job_is_complete_when_the_server_says_so() -> None:
    """A new Job has no conditions, and a condition may be there without being true."""
    assert not completed(None)
    assert not completed(_pod("topics"))
    assert not completed(_pod("topics", conditions=[{"type": "Complete", "status": "False"}]))
    assert completed(_pod("topics", conditions=[{"type": "Complete", "status": "True"}]))


def test_a_job_that_has_failed_is_not_waited_for() -> None:
    """Kubernetes starts its pods a few times, and then gives up."""
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    with pytest.raises(ReleaseRejectedError, match="Job topics failed: Job has reached the specified backoff limit"):
        completed(_pod("topics", conditions=[failed]))


def test_the_reasons_are_one_line() -> None:
    """The image, the program and the scheduler may be at fault; each reason is there once."""
    pods = [
        _pod("ready", conditions=[READY]),
        _pod("image", containerStatuses=[{"state": {"waiting": {"reason": "ErrImagePull", "message": "denied"}}}]),
        _pod(
            "exits",
            containerStatuses=[
                {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 2}}}
            ],
        ),
        _pod("waits", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes have room"}]),
        None,
    ]
    assert why_not_ready(pods) == (
        "1 of 4 pods are ready (image: ErrImagePull: denied; exits: CrashLoopBackOff; exits: ended with exit code 2; "
        "waits: 0/3 nodes have room)"
    )
    assert why_not_ready([]) == "0 of 0 pods are ready"

"""Reads the state of pods and of what starts them, as the API server reports it."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.release.errors import ReleaseRejectedError


def rolled_out(workload: Mapping[str, Any] | None) -> bool:
    """Return whether all pods of a Deployment or StatefulSet are of its newest revision and ready."""
    if workload is None:
        return False
    status, wanted = workload.get("status", {}), workload["spec"]["replicas"]
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    # `replicas` also counts pods of older revisions.
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas"))
    return all(count == wanted for count in counts)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod is ready and is not being deleted."""
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def finished(pod: Mapping[str, Any] | None) -> bool:
    """Return whether the container of a pod that is not started again has ended."""
    return pod is not None and pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def completed(job: Mapping[str, Any] | None) -> bool:
    """Return whether a Job is complete.

    Raises:
        ReleaseRejectedError: If it has failed.
    """
    if job is None:
        return False
    conditions = job.get("status", {}).get("conditions", ())
    true = {each["type"]: each for each in conditions if each["status"] == "True"}
    if failed := true.get("Failed"):
        raise ReleaseRejectedError(f"Job {job['metadata']['name']} failed: {failed.get('message', 'no reason given')}")
    return "Complete" in true


def why_not_ready(pods: Sequence[Mapping[str, Any] | None]) -> str:
    """Return how many pods are ready, and what the API server says about the others, in one line."""
    existing = [each for each in pods if each is not None]
    waiting = [each for each in existing if not is_ready(each)]
    text = f"{len(existing) - len(waiting)} of {len(existing)} pods are ready"
    reasons = dict.fromkeys(reason for each in waiting for reason in _reasons(each))
    return f"{text} ({'; '.join(reasons)})" if reasons else text


def _reasons(pod: Mapping[str, Any]) -> list[str]:
    """Return why a pod is not ready."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    reasons = []
    for container in status.get("containerStatuses", ()):
        if waiting := container.get("state", {}).get("waiting"):
            reasons.append(f"{name}: {': '.join(filter(None, (waiting.get('reason'), waiting.get('message'))))}")
        if ended := container.get("lastState", {}).get("terminated"):
            reasons.append(f"{name}: ended with exit code {ended['exitCode']}")
    reasons.extend(
        f"{name}: {condition.get('message', 'not scheduled')}"
        for condition in status.get("conditions", ())
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    )
    return reasons

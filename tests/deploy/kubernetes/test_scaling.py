"""KEDA scales the workers on the lag of their own group, within the number of partitions."""

from typing import Any

import pytest

from deploy.kubernetes.render import OVERLAYS
from tests.deploy.kubernetes.rendered import TRACKS, Workload, manifests


@pytest.fixture(params=[(environment, track) for environment in OVERLAYS for track in TRACKS], ids="-".join)
def scaled(request: pytest.FixtureRequest) -> tuple[Workload, dict[str, Any]]:
    """The workers of a track, and the spec of the ScaledObject that scales them."""
    environment, track = request.param
    rendered = manifests(environment, track)
    spec: dict[str, Any] = rendered.one("ScaledObject", f"worker-{track}")["spec"]
    return rendered.workload("worker"), spec


def test_the_workers_are_scaled_by_keda_alone(scaled: tuple[Workload, dict[str, Any]]) -> None:
    """The target is the track's StatefulSet, which states no number that applying it again would reset."""
    worker, spec = scaled
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": worker.name}
    assert "replicas" not in worker.resource["spec"]


def test_two_tracks_fit_into_the_partitions(scaled: tuple[Workload, dict[str, Any]]) -> None:
    """There is a partition for each worker, also while the minimum of workers runs in both tracks."""
    worker, spec = scaled
    partitions = worker.settings.topic.partitions
    assert spec["maxReplicaCount"] == partitions
    assert 2 <= spec["minReplicaCount"] <= partitions // 2


def test_the_lag_is_that_of_the_workers_group(scaled: tuple[Workload, dict[str, Any]]) -> None:
    """KEDA reads broker, group and topic from the workers' environment, and logs in with the same mechanism."""
    worker, spec = scaled
    (trigger,) = spec["triggers"]
    metadata = trigger["metadata"]
    assert {name: worker.environment[variable] for name, variable in metadata.items() if name.endswith("FromEnv")} == {
        "bootstrapServersFromEnv": worker.settings.kafka.bootstrap,
        "consumerGroupFromEnv": worker.settings.kafka.group,
        "topicFromEnv": worker.settings.topic.transactions,
    }
    assert metadata["sasl"] == worker.settings.kafka.sasl_mechanism.lower().replace("-", "_").replace("sha_", "sha")
    assert metadata["tls"] == {"SASL_SSL": "enable"}[worker.settings.kafka.security_protocol]
    assert all(isinstance(value, str) for value in metadata.values())


def test_workers_are_added_before_the_backlog_pages(scaled: tuple[Workload, dict[str, Any]]) -> None:
    """The threshold is less than a second's work for one CPU; the alert ScoringLag fires at a minute's."""
    _, spec = scaled
    cpu_us_per_transaction = 24.0
    assert int(spec["triggers"][0]["metadata"]["lagThreshold"]) * cpu_us_per_transaction / 1e6 < 1


@pytest.mark.parametrize("environment", OVERLAYS)
def test_keda_logs_in_with_its_own_user(environment: str) -> None:
    """The trigger's authentication exists in the shared part, and is no program's user."""
    shared, track = manifests(environment, "shared"), manifests(environment, "blue")
    (trigger,) = track.one("ScaledObject", "worker-blue")["spec"]["triggers"]
    access = shared.one("TriggerAuthentication", trigger["authenticationRef"]["name"])
    secrets = {each["parameter"]: (each["name"], each["key"]) for each in access["spec"]["secretTargetRef"]}
    assert secrets == {
        "username": ("kafka-lag", "username"),
        "password": ("kafka-lag", "password"),
        "ca": ("kafka-ca", "ca.crt"),
    }
    used = {secret for rendered in (shared, track) for each in rendered.workloads for secret in each.secrets}
    assert "kafka-lag" not in {name for name, _ in used}

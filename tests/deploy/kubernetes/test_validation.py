"""Every rendered resource fits Kubernetes' own schemas, and the check can fail."""

import copy
from typing import Any

import pytest

from deploy.kubernetes.render import OVERLAYS
from deploy.kubernetes.validation import CUSTOM, VERSIONS, problem
from tests.deploy.kubernetes.rendered import TRACKS, manifests

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]},
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("environment", OVERLAYS)
def test_manifests_fit_the_schemas(environment: str, version: str) -> None:
    """Fields exist and have the right types, in the oldest and the newest version that the manifests support."""
    checked = [each for part in ("", *TRACKS) for each in manifests(environment, part).resources]
    assert len(checked) > 30
    assert [text for each in checked if (text := problem(each, version))] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "ports", 0, "port"), "80"),
        (("spec", "ports", 0, "targetport"), 80),
        (("spec", "sellector"), {"a": "b"}),
        (("kind",), "Servcie"),
    ],
    ids=str,
)
def test_a_mistake_is_reported(path: tuple[Any, ...], value: Any) -> None:
    """A wrong type, a misspelled field and an unknown kind are reported; without them, nothing is."""
    assert problem(SERVICE, VERSIONS[0]) is None
    resource = copy.deepcopy(SERVICE)
    part: Any = resource
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert problem(resource, VERSIONS[0]) is not None


def test_only_operators_resources_are_not_checked() -> None:
    """The resources without a schema are KEDA's and the Prometheus operator's."""
    kinds = {each["kind"] for each in manifests("production").resources if each["apiVersion"] in CUSTOM}
    assert kinds == {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}

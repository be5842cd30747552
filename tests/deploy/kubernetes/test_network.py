"""Network policies deny everything except what each program needs."""

from typing import Any

import pytest

from deploy.kubernetes.render import OVERLAYS
from tests.deploy.compose import SERVICES
from tests.deploy.kubernetes.rendered import COMPONENT, Manifests, all_workloads, manifests

NAMESPACE = "kubernetes.io/metadata.name"
#: Namespaces and ports that a program connects to, besides Kafka and the cluster's name service.
EGRESS = {"ledger": {("postgres", 5432)}, "watch": {("postgres", 5432), ("mlflow", 5000)}}
#: Namespaces that connect to a program.
INGRESS = {
    "worker": {"monitoring"},
    "ledger": {"monitoring"},
    "archive": {"monitoring"},
    "http": {"monitoring", "ingress"},
}


def _selects(policy: dict[str, Any], labels: dict[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    by_expression = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in by_expression)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(each["key"]) in each["values"] for each in by_expression
    )


def _allowed(rendered: Manifests, labels: dict[str, str], direction: str) -> set[tuple[str, int | str, str]]:
    """Return the namespaces, ports and protocols that the policies allow for a pod."""
    side = {"egress": "to", "ingress": "from"}[direction]
    allowed = set()
    for policy in rendered.of("NetworkPolicy"):
        if direction in policy["spec"] and _selects(policy, labels):
            assert direction.capitalize() in policy["spec"]["policyTypes"]
            for rule in policy["spec"][direction]:
                assert rule.keys() == {side, "ports"}, "an omitted side would allow every peer or port"
                for peer in rule[side]:
                    namespace = peer["namespaceSelector"]["matchLabels"][NAMESPACE]
                    allowed |= {(namespace, port["port"], port["protocol"]) for port in rule["ports"]}
    return allowed


@pytest.mark.parametrize("environment", OVERLAYS)
def test_everything_is_denied_by_default(environment: str) -> None:
    """One policy selects every pod in both directions and allows nothing."""
    policy = manifests(environment).one("NetworkPolicy", "default-deny")
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_programs_connect_only_to_what_they_need(environment: str) -> None:
    """Every program reaches Kafka and the name service; only the ledger and `watch` reach databases."""
    shared = manifests(environment, "shared")
    for each in all_workloads(environment):
        host, _, port = each.settings.kafka.bootstrap.partition(":")
        kafka = (host.partition(".")[2], int(port), "TCP")
        dns = {("kube-system", 53, "UDP"), ("kube-system", 53, "TCP")}
        stores = {(namespace, port, "TCP") for namespace, port in EGRESS.get(each.component, ())}
        assert _allowed(shared, each.labels, "egress") == {kafka, *dns, *stores}
        for namespace, number in EGRESS.get(each.component, ()):
            assert any(f".{namespace}:{number}" in value for value in each.environment.values())


@pytest.mark.parametrize("environment", OVERLAYS)
def test_only_clients_and_monitoring_connect_to_programs(environment: str) -> None:
    """The ingress controller reaches the edges, and the monitoring reaches every program that serves metrics."""
    shared = manifests(environment, "shared")
    for each in all_workloads(environment):
        expected = {(namespace, "web", "TCP") for namespace in INGRESS.get(each.component, ())}
        assert _allowed(shared, each.labels, "ingress") == expected
        assert bool(expected) == any(port["name"] == "web" for port in each.container.get("ports", ()))


def test_databases_are_reached_by_the_same_programs_as_in_compose() -> None:
    """The policies are those of docker-compose.yml's networks, for the programs that run in both."""
    for network, namespace in (("database", "postgres"), ("tracking", "mlflow")):
        programs = {each.component for each in all_workloads("production")}
        in_compose = {name for name in programs if network in SERVICES[name]["networks"]}
        assert in_compose == {name for name in programs if namespace in dict(EGRESS.get(name, ()))}


def test_a_pod_without_the_projects_labels_reaches_nothing() -> None:
    """A selector that matches any pod would allow a stranger in the namespace to connect."""
    for direction in ("egress", "ingress"):
        assert _allowed(manifests("production", "shared"), {COMPONENT: "stranger"}, direction) == set()

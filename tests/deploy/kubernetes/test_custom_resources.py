"""Fields of KEDA's and the Prometheus operator's resources, checked by hand.

Kubernetes has no schemas for them, and their own schemas cannot be installed with pip. The tables below are what the
projects' documentation allows, reduced to what the manifests need: KEDA 2.21 (`ScaledObject`, `TriggerAuthentication`
and the Kafka scaler) and the API reference of the Prometheus operator, version 1 of its API. A field that is not in
the tables fails; look it up before adding it.
"""

from typing import Any

import pytest

from deploy.kubernetes.render import OVERLAYS
from deploy.kubernetes.validation import CUSTOM
from tests.deploy.kubernetes.rendered import TRACKS, manifests

#: Stands for any value of a type; `[shape]` is a list of a shape, and a mapping lists the fields that are allowed.
_TEXT, _NUMBER, _LABELS = str, int, dict
_RULE = {
    "record": _TEXT,
    "alert": _TEXT,
    "expr": _TEXT,
    "for": _TEXT,
    "labels": _LABELS,
    "annotations": _LABELS,
}
_POLICIES = {
    "stabilizationWindowSeconds": _NUMBER,
    "policies": [{"type": _TEXT, "value": _NUMBER, "periodSeconds": _NUMBER}],
}
SPECS: dict[str, dict[str, Any]] = {
    "ScaledObject": {
        "scaleTargetRef": {"apiVersion": _TEXT, "kind": _TEXT, "name": _TEXT},
        "pollingInterval": _NUMBER,
        "minReplicaCount": _NUMBER,
        "maxReplicaCount": _NUMBER,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": _POLICIES, "scaleDown": _POLICIES}}},
        "triggers": [{"type": _TEXT, "metadata": _LABELS, "authenticationRef": {"name": _TEXT}}],
    },
    "TriggerAuthentication": {"secretTargetRef": [{"parameter": _TEXT, "name": _TEXT, "key": _TEXT}]},
    "ServiceMonitor": {
        "jobLabel": _TEXT,
        "podTargetLabels": [_TEXT],
        "selector": {"matchLabels": _LABELS},
        "endpoints": [
            {
                "port": _TEXT,
                "interval": _TEXT,
                "scrapeTimeout": _TEXT,
                "authorization": {"type": _TEXT, "credentials": {"name": _TEXT, "key": _TEXT}},
            }
        ],
    },
    "PrometheusRule": {"groups": [{"name": _TEXT, "rules": [_RULE]}]},
}
#: Metadata of the Kafka scaler. `FromEnv` is allowed after the first three.
KAFKA_SCALER = {
    "bootstrapServersFromEnv",
    "consumerGroupFromEnv",
    "topicFromEnv",
    "lagThreshold",
    "offsetResetPolicy",
    "sasl",
    "tls",
    "version",
}


def unknown(value: Any, shape: Any, path: str = "spec") -> list[str]:
    """Return the paths of fields that a shape does not allow, or whose values are of another type.

    >>> unknown({"a": 1, "b": [{"c": "x"}]}, {"a": str, "b": [{"d": str}]})
    ['spec.a', 'spec.b.0.c']
    """
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [path]
        return [each for number, item in enumerate(value) for each in unknown(item, shape[0], f"{path}.{number}")]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [path]
        return [
            each
            for key, item in value.items()
            for each in (unknown(item, shape[key], f"{path}.{key}") if key in shape else [f"{path}.{key}"])
        ]
    if shape is dict:
        is_text = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
        return [] if is_text else [path]
    return [] if type(value) is shape else [path]


@pytest.mark.parametrize("part", ["", *TRACKS])
@pytest.mark.parametrize("environment", OVERLAYS)
def test_fields_are_documented(environment: str, part: str) -> None:
    """Every field of an operator's resource is in the tables above, with a value of the right type."""
    custom = [each for each in manifests(environment, part).resources if each["apiVersion"] in CUSTOM]
    assert custom
    for each in custom:
        assert each.keys() == {"apiVersion", "kind", "metadata", "spec"}
        assert unknown(each["spec"], SPECS[each["kind"]]) == [], f"{each['kind']} {each['metadata']['name']}"


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_kafka_scaler_gets_known_metadata(environment: str) -> None:
    """The trigger has the scaler's required metadata, each by value or from the environment, and no unknown ones."""
    (trigger,) = manifests(environment, "blue").one("ScaledObject", "worker-blue")["spec"]["triggers"]
    assert trigger["type"] == "kafka"
    assert set(trigger["metadata"]) == KAFKA_SCALER


def test_a_rule_is_either_recorded_or_an_alert() -> None:
    """The operator rejects a rule that is both or neither."""
    for resource in manifests("production").of("PrometheusRule"):
        for rule in (rule for group in resource["spec"]["groups"] for rule in group["rules"]):
            assert ("record" in rule) != ("alert" in rule)
            assert rule.get("annotations", {}).keys() <= {"summary", "description", "runbook_url"}

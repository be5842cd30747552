"""The rendered manifests of an environment, for the tests."""

import functools
from typing import Any

from deploy.kubernetes.render import overlay, render, resources
from stream.settings import Settings, read_settings
from tests.deploy.compose import DOCKERFILES, fraud_settings
from tests.support.tool import tool

#: Kinds of resources that start pods.
WORKLOADS = ("StatefulSet", "Deployment", "Job")
TRACKS = ("blue", "green")
COMPONENT = "app.kubernetes.io/component"
#: The image's Dockerfile, by image name without tag.
IMAGES = {
    "fraud-stream-serving": DOCKERFILES["serving.Dockerfile"],
    "fraud-stream-training": DOCKERFILES["training.Dockerfile"],
}


class Workload:
    """A resource that starts pods of one container.

    Args:
        resource: The StatefulSet, Deployment or Job.
        config_maps: Data of the ConfigMaps rendered with it, by name.
    """

    def __init__(self, resource: dict[str, Any], config_maps: dict[str, dict[str, str]]) -> None:
        self.resource = resource
        self.name: str = resource["metadata"]["name"]
        self.labels: dict[str, str] = resource["spec"]["template"]["metadata"]["labels"]
        self.component = self.labels[COMPONENT]
        self.pod: dict[str, Any] = resource["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]
        self.image: str = self.container["image"].partition(":")[0]
        self._config_maps = config_maps

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the image, the ConfigMap and the container, with a placeholder for what the cluster fills in."""
        variables = dict(IMAGES[self.image].environment)
        for source in self.container["envFrom"]:
            variables |= self._config_maps[source["configMapRef"]["name"]]
        for each in self.container["env"]:
            assert set(each) == {"name", "value"} or set(each) == {"name", "valueFrom"}
            variables[each["name"]] = each.get("value", "<from the cluster>")
        return variables

    @property
    def settings(self) -> Settings:
        """The settings that the program reads; in its first pod, for a StatefulSet."""
        pod_name = {"FRAUD_KAFKA_SLOT": f"{self.name}-0"}
        return read_settings(fraud_settings(self.environment | pod_name))

    @property
    def secrets(self) -> set[tuple[str, str]]:
        """Names and keys of the Secrets that the pod refers to; mounted Secrets have no key."""
        mounted = {(each["secret"]["secretName"], "") for each in self.pod["volumes"] if "secret" in each}
        sources = [each["valueFrom"] for each in self.container["env"] if "valueFrom" in each]
        references = [source["secretKeyRef"] for source in sources if "secretKeyRef" in source]
        return mounted | {(each["name"], each["key"]) for each in references}

    def mount_path(self, volume: str) -> str:
        """Return the path on which a volume is mounted."""
        (mount,) = (each for each in self.container["volumeMounts"] if each["name"] == volume)
        path: str = mount["mountPath"]
        return path

    def mounted(self, path: str) -> dict[str, Any]:
        """Return the volume that is mounted on a path, with the mount's own `readOnly`."""
        (mount,) = (each for each in self.container["volumeMounts"] if each["mountPath"] == path)
        (volume,) = (each for each in self.pod["volumes"] if each["name"] == mount["name"])
        return {**volume, "readOnly": mount.get("readOnly", False)}


class Manifests:
    """Rendered manifests."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.resources = resources(text)
        config_maps = {each["metadata"]["name"]: each["data"] for each in self.of("ConfigMap")}
        self.workloads = [Workload(each, config_maps) for kind in WORKLOADS for each in self.of(kind)]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the resources of a kind."""
        return [each for each in self.resources if each["kind"] == kind]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Return a resource."""
        (resource,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return resource

    def workload(self, component: str) -> Workload:
        """Return the workload of a program."""
        (workload,) = (each for each in self.workloads if each.component == component)
        return workload


@functools.cache
def manifests(environment: str, part: str = "") -> Manifests:
    """Return an environment's manifests, or one part of them; skip or fail the test without kubectl."""
    tool("kubectl")
    return Manifests(render(overlay(environment, part)))


def all_workloads(environment: str) -> list[Workload]:
    """Return the workloads of an environment, in both tracks."""
    return [each for part in ("shared", *TRACKS) for each in manifests(environment, part).workloads]

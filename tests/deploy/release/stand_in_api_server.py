"""A stand-in for a Kubernetes API server, because no cluster can be had here: it keeps what kubectl sends.

The real kubectl of this machine talks to it. It knows the few kinds of resources that a release uses, and plays the
controllers: pods appear with the status that a test asked for as soon as a workload is applied or scaled. It does not
schedule, check rights, run containers or judge whether a resource is valid.
"""

import copy
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

#: Kind, plural and short name of each kind of resource, by group and version.
KINDS = {
    "v1": [("ConfigMap", "configmaps"), ("Pod", "pods"), ("Service", "services"), ("ServiceAccount", "serviceaccounts"),
           ("PersistentVolumeClaim", "persistentvolumeclaims")],
    "apps/v1": [("Deployment", "deployments"), ("StatefulSet", "statefulsets")],
    "batch/v1": [("Job", "jobs")],
    "keda.sh/v1alpha1": [("ScaledObject", "scaledobjects"), ("TriggerAuthentication", "triggerauthentications")],
    "monitoring.coreos.com/v1": [("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")],
    "networking.k8s.io/v1": [("NetworkPolicy", "networkpolicies")],
    "policy/v1": [("PodDisruptionBudget", "poddisruptionbudgets")],
}  # fmt: skip
_PATH = re.compile(
    r"/apis?/(?P<version>[\w./-]+?)/namespaces/(?P<namespace>[\w-]+)/(?P<plural>\w+)(/(?P<name>[\w.-]+)(/(?P<sub>\w+))?)?"
)


class StandIn(ThreadingHTTPServer):
    """The server.

    Attributes:
        resources: What is stored, by plural and name.
        requests: Changes, as `METHOD plural/name`, in order.
        broken: Workloads whose pods do not become ready, with the reason that the container waits for.
        partitions: How many workers get a partition; those beyond do not become ready.
        refused: Changes to refuse, such as `PATCH services/http`.
        log: What the logs of every pod contain.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = RLock()
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.requests: list[str] = []
        self.broken: dict[str, dict[str, str]] = {}
        self.refused: dict[str, str] = {}
        self.partitions = 12
        self.log = ""

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """Return a stored resource."""
        with self.lock:
            return copy.deepcopy(self.resources[plural, name])

    def names(self, plural: str) -> list[str]:
        """Return the names of stored resources of a kind."""
        with self.lock:
            return sorted(name for kind, name in self.resources if kind == plural)

    def store(self, plural: str, name: str, resource: dict[str, Any]) -> None:
        """Store a resource, and do what controllers do."""
        with self.lock:
            resource["metadata"].setdefault("uid", f"{plural}-{name}")
            generation = resource["metadata"].get("generation", 0) + 1
            resource["metadata"] |= {"generation": generation, "resourceVersion": str(generation)}
            self.resources[plural, name] = resource
            if plural == "deployments":
                self._run(name, resource, resource["spec"].setdefault("replicas", 1))
            elif plural == "statefulsets":
                self._share_partitions(name)
            elif plural == "jobs":
                self._end(name, resource)
            elif plural == "pods" and "status" not in resource:
                resource["status"] = self._pod_status(name, ended=True)

    def _share_partitions(self, changed: str) -> None:
        """Make the pods of all workers. Those of the set that was changed last get the partitions that are left."""
        workers = {name: each for (plural, name), each in self.resources.items() if plural == "statefulsets"}
        for name in (changed, *(workers.keys() - {changed})):
            others = (each.get("status", {}).get("readyReplicas", 0) for key, each in workers.items() if key != name)
            self._run(name, workers[name], self.partitions - sum(others))

    def _run(self, name: str, workload: dict[str, Any], most_ready: int) -> None:
        """Make the pods of a workload, and its status."""
        replicas = workload["spec"].setdefault("replicas", 1)
        for kind, pod in list(self.resources):
            if kind == "pods" and re.fullmatch(rf"{name}-\d+", pod):
                del self.resources[kind, pod]
        ready = 0 if name in self.broken else min(replicas, most_ready)
        for number in range(replicas):
            self._store_pod(f"{name}-{number}", workload, self._pod_status(name, ready=number < ready))
        counts = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready}
        workload["status"] = {"observedGeneration": workload["metadata"]["generation"], **counts}

    def _end(self, name: str, job: dict[str, Any]) -> None:
        """Make the pod of a Job, and its status."""
        labels = job["spec"]["template"]["metadata"]["labels"] | {"job-name": name}
        job["spec"]["template"]["metadata"]["labels"] = labels
        job["spec"]["selector"] = {"matchLabels": {"job-name": name}}
        self._store_pod(f"{name}-0", job, self._pod_status(name, ended=True))
        done = [] if name in self.broken else [{"type": "Complete", "status": "True"}]
        job["status"] = {"conditions": done}

    def _store_pod(self, name: str, owner: dict[str, Any], status: dict[str, Any]) -> None:
        template = owner["spec"]["template"]
        metadata = {**template["metadata"], "name": name}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": status}
        self.store("pods", name, pod)

    def _pod_status(self, owner: str, *, ended: bool = False, ready: bool = True) -> dict[str, Any]:
        if owner in self.broken:
            waiting = {"name": "main", "state": {"waiting": self.broken[owner]}}
            return {"phase": "Pending", "conditions": [], "containerStatuses": [waiting]}
        if ended:
            return {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}
        return {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path in {"/api", "/apis"} or not (match := _PATH.fullmatch(url.path)):
            self._discovery(url.path)
            return
        with self.server.lock:
            if match["sub"] == "log":
                self._respond(200, self.server.log.encode(), "text/plain")
            elif match["name"]:
                self._object(match)
            else:
                self._list(match["plural"], parse_qs(url.query).get("labelSelector", [""])[0])

    def do_PATCH(self) -> None:
        self._change("PATCH")

    def do_PUT(self) -> None:
        self._change("PUT")

    def do_POST(self) -> None:
        self._status(404, "NotFound", "the stand-in creates resources by patches only")

    def do_DELETE(self) -> None:
        self._change("DELETE")

    def _change(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match = _PATH.fullmatch(urlsplit(self.path).path)
        assert match is not None, self.path
        plural, name = match["plural"], match["name"]
        change = f"{method} {plural}/{name}"
        with self.server.lock:
            if change in self.server.refused:
                self._status(403, "Forbidden", self.server.refused[change])
                return
            self.server.requests.append(change)
            current = self.server.resources.get((plural, name))
            if method == "DELETE":
                if current is None:
                    self._status(404, "NotFound", f'{plural} "{name}" not found')
                    return
                del self.server.resources[plural, name]
                self._json(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
                return
            given = yaml.safe_load(body)
            applied = "apply" in self.headers.get("Content-Type", "")
            if current is None and not applied:
                self._status(404, "NotFound", f'{plural} "{name}" not found')
                return
            merged = _merged(current or {}, given)
            if match["sub"] == "scale":
                merged = _merged(current or {}, {"spec": {"replicas": given["spec"].get("replicas", 0)}})
            self.server.store(plural, name, merged)
            self._json(200, _scale(merged) if match["sub"] == "scale" else merged)

    def _object(self, match: re.Match[str]) -> None:
        resource = self.server.resources.get((match["plural"], match["name"]))
        if resource is None:
            self._status(404, "NotFound", f'{match["plural"]} "{match["name"]}" not found')
            return
        self._json(200, _scale(resource) if match["sub"] == "scale" else resource)

    def _list(self, plural: str, selector: str) -> None:
        items = [
            each
            for (kind, _), each in sorted(self.server.resources.items())
            if kind == plural and _selects(unquote(selector), each["metadata"].get("labels", {}))
        ]
        self._json(200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})

    def _discovery(self, path: str) -> None:
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if path == "/api":
            self._json(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            groups = [_group(each) for each in KINDS if "/" in each]
            self._json(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        elif version in KINDS:
            verbs = ["get", "list", "patch", "delete", "create", "update", "watch"]
            rows = [
                {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
                for kind, plural in KINDS[version]
            ]
            self._json(200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows})
        else:
            self._status(404, "NotFound", f"the stand-in knows no {path}")

    def _status(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
        self._json(code, status | {"reason": reason, "code": code})

    def _json(self, code: int, content: object) -> None:
        self._respond(code, json.dumps(content).encode(), "application/json")

    def _respond(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _group(version: str) -> dict[str, Any]:
    name, _, number = version.partition("/")
    entry = {"groupVersion": version, "version": number}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def _merged(current: Any, change: Any) -> Any:
    """Merge as JSON merge patch does: null removes a field."""
    if not isinstance(change, dict) or not isinstance(current, dict):
        return change
    result = dict(current)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(current.get(key, {}) if isinstance(value, dict) else None, value)
    return result


def _scale(workload: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: workload["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    replicas = {"replicas": workload["spec"]["replicas"]}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": replicas, "status": replicas}


def _selects(selector: str, labels: dict[str, str]) -> bool:
    for term in re.split(r",(?![^(]*\))", selector):
        if within := re.fullmatch(r"(\S+) in \((.*)\)", term):
            if labels.get(within[1]) not in within[2].split(","):
                return False
        elif "=" in term:
            key, _, value = term.partition("=")
            if labels.get(key) != value:
                return False
        elif term and term not in labels:
            return False
    return True

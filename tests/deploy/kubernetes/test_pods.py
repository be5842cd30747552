"""Pods have the least privilege, the programs' own probes, time to stop, the right volumes and disruption budgets."""

import pytest

from deploy.kubernetes.render import OVERLAYS
from stream.runtime.program import STOP_S
from stream.settings import Settings
from tests.deploy.compose import SERVICES
from tests.deploy.kubernetes.rendered import IMAGES, TRACKS, Workload, all_workloads, manifests
from tests.docs.usage import usage_error

#: Programs that run all the time and serve pages, and their ports.
PORTS = {
    "worker": Settings().web.port,
    "ledger": Settings().ledger.web_port,
    "archive": Settings().archive.web_port,
    "http": Settings().http.port,
}


@pytest.fixture(params=OVERLAYS)
def workloads(request: pytest.FixtureRequest) -> list[Workload]:
    """All workloads of an environment, in both tracks."""
    return all_workloads(request.param)


def test_every_program_runs(workloads: list[Workload]) -> None:
    """The programs are those of docker-compose.yml, with the same commands; the command line knows them."""
    assert {each.component for each in workloads} == {*PORTS, "watch", "topics"}
    for each in workloads:
        assert each.container["args"] == SERVICES[each.component]["command"]
        assert usage_error(" ".join(each.container["args"])) is None
        assert each.image == SERVICES[each.component]["image"]


def test_pods_have_the_least_privilege(workloads: list[Workload]) -> None:
    """Pods are restricted as the namespace's label demands, have a read-only root and no token of the API server."""
    for each in workloads:
        security = each.pod["securityContext"]
        assert security["runAsNonRoot"]
        assert f"{security['runAsUser']}:{security['runAsGroup']}" == IMAGES[each.image].of("USER")[-1]
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert each.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each.pod["automountServiceAccountToken"] is False
        assert not each.pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
        kinds = {kind for volume in each.pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"persistentVolumeClaim", "secret", "emptyDir"}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_accounts_have_no_token_and_no_role(environment: str) -> None:
    """Each program has an account of its own, and no resource grants rights."""
    rendered = manifests(environment)
    accounts = {each["metadata"]["name"]: each for each in rendered.of("ServiceAccount")}
    assert {each.pod["serviceAccountName"] for each in rendered.workloads} == set(accounts)
    assert all(each.pod["serviceAccountName"] == each.component for each in rendered.workloads)
    assert all(each["automountServiceAccountToken"] is False for each in accounts.values())
    assert not any("Role" in each["kind"] for each in rendered.resources)


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_namespace_enforces_the_restricted_profile(environment: str) -> None:
    """Every resource is in the environment's namespace, where Kubernetes rejects other pods."""
    (namespace,) = manifests(environment).of("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [each for part in ("", *TRACKS) for each in manifests(environment, part).resources if each != namespace]
    assert {each["metadata"]["namespace"] for each in others} == {namespace["metadata"]["name"]}


def test_probes_are_the_programs_own(workloads: list[Workload]) -> None:
    """Liveness is /healthz and readiness is /readyz, on the port on which the program listens."""
    for each in workloads:
        if each.component not in PORTS:
            continue
        (port,) = each.container["ports"]
        assert port == {"name": "web", "containerPort": PORTS[each.component]}
        pages = {name: each.container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        assert {get["port"] for get in pages.values()} == {"web"}
        assert {name: get["path"] for name, get in pages.items()} == {
            "startup": "/healthz",
            "liveness": "/healthz",
            "readiness": "/readyz",
        }
        listened = each.settings.http.host if each.component == "http" else each.settings.web.host
        assert listened == "0.0.0.0"  # noqa: S104 - the kubelet connects to the pod's address


@pytest.mark.parametrize("environment", OVERLAYS)
def test_watch_is_alive_while_it_holds_its_lock(environment: str) -> None:
    """`watch` serves no pages; its probes test the lock as docker-compose.yml's health check does, and it runs once."""
    watch = manifests(environment).workload("watch")
    _, *command = SERVICES["watch"]["healthcheck"]["test"]
    for name in ("startup", "liveness"):
        assert watch.container[f"{name}Probe"]["exec"]["command"] == command
    assert watch.resource["spec"]["replicas"] == 1
    assert watch.resource["spec"]["strategy"] == {"type": "Recreate"}
    assert watch.mounted("/srv/fraud/var")["persistentVolumeClaim"] == {"claimName": "watch"}


def test_programs_have_time_to_stop(workloads: list[Workload]) -> None:
    """A pod is killed only after the program's own time limit, to which the edge's wait before SIGTERM is added."""
    for each in workloads:
        if each.component in PORTS:
            waited = each.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            compose = int(SERVICES[each.component]["stop_grace_period"].removesuffix("s"))
            assert each.pod["terminationGracePeriodSeconds"] >= max(waited + STOP_S + 5, compose)
            assert bool(waited) == (each.component == "http")


def test_volumes_are_where_the_programs_look(workloads: list[Workload]) -> None:
    """Bundles and the archive are mounted where the settings say, and only their writers can write."""
    for each in workloads:
        if each.component in {"worker", "http", "watch"}:
            bundles = each.mounted(each.settings.bundle.store)
            assert bundles["persistentVolumeClaim"]["claimName"] == "bundles"
            assert bundles["readOnly"] == (each.component != "watch")
        if each.component in {"archive", "watch"}:
            archive = each.mounted(each.settings.archive.url)
            assert archive["persistentVolumeClaim"]["claimName"] == "archive"
            assert archive["readOnly"] == (each.component != "archive")
        assert "sizeLimit" in each.mounted("/tmp")["emptyDir"]  # noqa: S108 - a volume of the pod


@pytest.mark.parametrize("environment", OVERLAYS)
def test_claims_that_several_nodes_mount_allow_it(environment: str) -> None:
    """Bundles and the archive are used by several pods; every claim is used."""
    rendered = manifests(environment)
    claims = {each["metadata"]["name"]: each["spec"]["accessModes"] for each in rendered.of("PersistentVolumeClaim")}
    assert claims == {"bundles": ["ReadWriteMany"], "archive": ["ReadWriteMany"], "watch": ["ReadWriteOnce"]}
    volumes = [volume for each in rendered.workloads for volume in each.pod["volumes"]]
    used = {each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each}
    assert used == set(claims)


def test_pods_are_spread_and_disrupted_one_at_a_time(workloads: list[Workload]) -> None:
    """Replicas are spread over zones and nodes; draining nodes takes at most one pod of a program and track."""
    for each in workloads:
        if each.component not in PORTS:
            continue
        spread = each.pod["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        assert all(each.resource["spec"]["selector"] == one["labelSelector"] for one in spread)


@pytest.mark.parametrize("part", ["", *TRACKS])
@pytest.mark.parametrize("environment", OVERLAYS)
def test_every_replicated_program_has_a_disruption_budget(environment: str, part: str) -> None:
    """A budget has the selector of its workload, and never blocks the eviction of pods that are not ready."""
    rendered = manifests(environment, part)
    budgets = {each["metadata"]["name"]: each["spec"] for each in rendered.of("PodDisruptionBudget")}
    expected = [each for each in rendered.workloads if each.component in PORTS]
    assert set(budgets) == {each.name for each in expected}
    for each in expected:
        assert budgets[each.name] == {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": each.resource["spec"]["selector"],
        }

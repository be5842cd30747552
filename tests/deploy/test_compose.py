"""Tests of the services in the compose file, on the file's text only; tests/compose brings the services up."""

import re
from collections import Counter

import pytest
from sqlalchemy import make_url

from deploy.env_example import rendered
from deploy.release.compose_tracks import ports_of, track_services
from deploy.release.tracks import Program, Track
from stream.http.auth import is_loopback
from stream.settings import read_settings
from tests.deploy.compose import (
    COMPOSE,
    LONG_RUNNING,
    ONE_SHOT,
    PROMETHEUS,
    ROOT,
    SERVICES,
    TEXT,
    dockerfile_of,
    fraud_settings,
)


@pytest.mark.parametrize("service", SERVICES)
def test_a_built_service_has_context_and_dockerfile(service: str) -> None:
    """A built service's context and Dockerfile exist, and services with the same Dockerfile share an image name."""
    if build := SERVICES[service].get("build"):
        assert (ROOT / build["context"] / build["dockerfile"]).is_file()
        same = {SERVICES[other]["image"] for other in SERVICES if SERVICES[other].get("build") == build}
        assert same == {SERVICES[service]["image"]}


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service: str) -> None:
    """An image from a registry has a version with at least two numbers."""
    if "build" not in SERVICES[service]:
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?", SERVICES[service]["image"])


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_long_running_services_have_a_health_check(service: str) -> None:
    """A long-running service restarts and has a health check with explicit timings."""
    assert SERVICES[service]["healthcheck"].keys() >= {"test", "interval", "timeout", "start_period", "retries"}
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_one_shot_services_are_not_restarted_forever(service: str) -> None:
    """A one-shot service that succeeds stays stopped."""
    assert SERVICES[service]["restart"] in {"no", "on-failure:3"}


@pytest.mark.parametrize("service", SERVICES)
def test_dependencies_exist_and_can_be_satisfied(service: str) -> None:
    """A service waits until one-shot dependencies succeed and others are healthy; no dependency is in a profile."""
    for other, dependency in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert dependency["condition"] == expected
        assert "profiles" not in SERVICES[other]


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_least_privilege(service: str) -> None:
    """Services have no capabilities; all but Kafka, whose start script writes next to itself, have a read-only root."""
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[service]["read_only"] is (service != "kafka")
    assert not SERVICES[service].keys() & {"privileged", "cap_add", "network_mode", "pid"}


@pytest.mark.parametrize("service", [name for name in SERVICES if "build" in SERVICES[name]])
def test_settings_are_valid(service: str) -> None:
    """Every FRAUD_ variable of our services and of their images is a setting with a valid value."""
    dockerfile = dockerfile_of(service)
    assert dockerfile is not None
    environment = {**dockerfile.environment, **SERVICES[service].get("environment", {})}
    settings = read_settings(fraud_settings(environment))
    if service in {"topics", "worker", "ledger", "archive", "http", "train", "watch"}:
        assert settings.kafka.bootstrap == "kafka:9092"
    mounts = [mount.split(":")[:2] for mount in SERVICES[service].get("volumes", [])]
    if service in {"worker", "http", "train", "watch"}:
        assert ["bundles", settings.bundle.store] in mounts
    if service in {"archive", "watch"}:
        assert ["archive", settings.archive.url] in mounts


def test_variables_are_explained() -> None:
    """Each ${VARIABLE} is in .env.example, with the same default value if the compose file has a default."""
    example = dict(re.findall(r"^(\w+)=(.*)$", rendered(), flags=re.MULTILINE))
    used = re.findall(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}", TEXT)
    assert len(used) == TEXT.count("${"), "a variable with neither default nor message"
    assert {name: example[name] for name, _ in used} == dict(used)


def test_passwords_are_not_in_the_file() -> None:
    """Every password is a required variable."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)


def test_ports_are_unique_and_on_loopback() -> None:
    """No two services publish the same port, and none is published to the network."""
    defaults = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", " ".join(p for s in SERVICES.values() for p in s.get("ports", [])))
    published = [port.rsplit(":", 1)[0] for port in defaults.split()]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert max(Counter(published).values()) == 1


def test_published_ports_are_listened_on() -> None:
    """The container port of each mapping is the one on which the container's program listens."""
    inner = {name: {int(p.rsplit(":", 1)[1]) for p in service.get("ports", [])} for name, service in SERVICES.items()}
    worker = dockerfile_of("worker")
    assert worker is not None
    assert inner["worker"] == {int(worker.of("EXPOSE")[0])} == {int(worker.environment["FRAUD_WEB_PORT"])}
    assert inner["http"] == {read_settings(fraud_settings(SERVICES["http"]["environment"])).http.port}
    assert inner["ledger"] == {read_settings(fraud_settings(SERVICES["ledger"]["environment"])).ledger.web_port}
    assert inner["archive"] == {read_settings(fraud_settings(SERVICES["archive"]["environment"])).archive.web_port}
    balancer = SERVICES["balancer"]["environment"]
    assert inner["balancer"] == {int(balancer[f"FRAUD_LB_{name}"].rpartition(":")[2]) for name in ("HTTP", "ADMIN")}
    assert inner["mlflow"] == {int(port) for word in SERVICES["mlflow"]["command"] for port in _port_option(word)}
    listeners = SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"]
    assert inner["kafka"] == {int(port) for port in re.findall(r"HOST://:(\d+)", listeners)}
    assert "CLIENT://:9092" in listeners


def _port_option(word: str) -> list[str]:
    return re.findall(r"^--port=(\d+)$", word)


def test_kafka_listeners_are_complete() -> None:
    """Every listener has a protocol, and all except the controller's are advertised."""
    kafka = SERVICES["kafka"]["environment"]
    names = set(re.findall(r"(\w+)://", kafka["KAFKA_LISTENERS"]))
    assert names == set(re.findall(r"(\w+):PLAINTEXT", kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"]))
    assert set(re.findall(r"(\w+)://", kafka["KAFKA_ADVERTISED_LISTENERS"])) == names - {"CONTROLLER"}


def test_only_kafka_itself_reaches_its_controller() -> None:
    """The controller and the broker's connections to itself use the loopback address."""
    kafka = SERVICES["kafka"]["environment"]
    listeners = dict(re.findall(r"(\w+)://([^,]*)", kafka["KAFKA_LISTENERS"]))
    assert {listeners[name].split(":")[0] for name in ("CONTROLLER", kafka["KAFKA_INTER_BROKER_LISTENER_NAME"])} == {
        "127.0.0.1"
    }
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"1@{listeners['CONTROLLER']}"


@pytest.mark.parametrize("kind", ["volumes", "networks", "secrets"])
def test_volumes_networks_and_secrets_are_declared_and_used(kind: str) -> None:
    """Every volume, network and secret is declared, and every declaration is used; host paths need no declaration."""
    named = {each.partition(":")[0] for service in SERVICES.values() for each in service.get(kind, [])}
    assert {name for name in named if name[0] not in "./"} == set(COMPOSE[kind])


def test_host_mounts_exist_and_are_read_only() -> None:
    """Host mounts are files in this repository; only the node exporter sees the rest of the machine."""
    mounts = [(name, each.split(":")) for name, service in SERVICES.items() for each in service.get("volumes", [])]
    bound = [(name, source, options) for name, (source, _, *options) in mounts if source[0] in "./"]
    assert len(bound) > 3
    for name, source, options in bound:
        assert options[0].split(",")[0] == "ro"
        assert (ROOT / source).exists()
        assert source.startswith("./deploy/") or name == "node-exporter"


def test_secrets_stay_out_of_the_repository_and_of_images() -> None:
    """Secrets are in a folder that Git ignores and builds do not copy, and programs read the mounted files."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert all("/" + each["file"].partition("/")[0] in ignored for each in COMPOSE["secrets"].values())
    mounted = {f"/run/secrets/{name}" for name in COMPOSE["secrets"]}
    assert SERVICES["http"]["environment"]["FRAUD_HTTP_KEYS"] in mounted
    jobs = {job["job_name"]: job for job in PROMETHEUS["scrape_configs"]}
    assert jobs["http"]["authorization"]["credentials_file"] in mounted
    for name in ("http", "prometheus"):
        assert len(SERVICES[name]["secrets"]) == 1


def test_an_edge_that_other_machines_reach_requires_keys() -> None:
    """An HTTP edge that other machines can reach has keys; without keys, it would not start."""
    settings = read_settings(fraud_settings(SERVICES["http"]["environment"]))
    assert not is_loopback(settings.http.host)
    assert settings.http.keys


def test_services_share_a_network_with_their_dependencies() -> None:
    """A service can reach the services it depends on; only MLflow, the ledger and `watch` reach the database."""
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    for name, service in SERVICES.items():
        for other in service.get("depends_on", {}):
            reached = networks[name] & networks[other]
            assert reached or SERVICES[other]["restart"] == "on-failure:3"
    on_database = {name for name, reached in networks.items() if "database" in reached}
    assert on_database == {"postgres", "mlflow", "ledger", "watch"}


def test_only_edges_reach_the_balancer() -> None:
    """Its runtime API moves the traffic. The tracks have the networks of `http`, and the names that it connects to."""
    assert {name for name, service in SERVICES.items() if "edge" in service["networks"]} == {"balancer", "http"}
    assert SERVICES["balancer"]["networks"] == ["edge"]
    for track in Track:
        (edge,) = ports_of(track_services(SERVICES, track, "image", 1), track, Program.EDGE)
        port = SERVICES["http"]["ports"][0].rpartition(":")[2]
        assert SERVICES["balancer"]["environment"][f"FRAUD_LB_{track.upper()}"] == f"{edge}:{port}"


@pytest.mark.parametrize("service", ["ledger", "watch", "mlflow"])
def test_images_have_the_driver_of_their_database_url(service: str) -> None:
    """The driver that a service's database URL names is in the lock file that its image installs."""
    environment = SERVICES[service]["environment"]
    url = environment.get("FRAUD_LEDGER_URL") or environment["MLFLOW_BACKEND_STORE_URI"]
    dockerfile = dockerfile_of(service)
    assert dockerfile is not None
    (lock,) = (path for path in dockerfile.copied if path.startswith("requirements/"))
    driver = {"psycopg": "psycopg-binary", "psycopg2": "psycopg2-binary"}[make_url(url).get_driver_name()]
    assert re.search(rf"^{driver}==", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("service", ["archive", "watch"])
def test_images_can_write_and_read_the_archive(service: str) -> None:
    """The images of the programs that use the archive install pyarrow."""
    dockerfile = dockerfile_of(service)
    assert dockerfile is not None
    (lock,) = (path for path in dockerfile.copied if path.startswith("requirements/"))
    assert "\npyarrow==" in (ROOT / lock).read_text(encoding="utf-8")

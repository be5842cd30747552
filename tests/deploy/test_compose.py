"""The compose file and its images. No container engine runs here, so what they name is checked instead."""

import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deploy.env_example import rendered
from deploy.grafana.panels import SOURCE
from stream.cli import cli as stream_cli
from stream.http.auth import is_loopback
from stream.settings import PREFIX, read_settings
from tests.deploy.dockerfile import Dockerfile
from tests.support.tool import tool
from training.cli import cli as train_cli

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
DOCKERFILES = {path.name: Dockerfile(path) for path in sorted((ROOT / "deploy" / "docker").glob("*.Dockerfile"))}
PROGRAMS: dict[str, click.Group] = {"fraud-stream": stream_cli, "fraud-train": train_cli}
#: Services that end by themselves.
ONE_SHOT = {"topics", "train"}
LONG_RUNNING = sorted(set(SERVICES) - ONE_SHOT)


def _settings(environment: dict[str, str]) -> dict[str, str]:
    """Return what is a setting of ours, with ${VARIABLE:-default} as its default."""
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in ours.items()}


def _dockerfile(service: str) -> Dockerfile | None:
    build = SERVICES[service].get("build")
    return DOCKERFILES[Path(build["dockerfile"]).name] if build else None


def _commands(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands in an argument list, those that a shell joins by && one by one."""
    if words[:2] == ["sh", "-c"]:
        yield from (shlex.split(part) for part in words[2].split("&&"))
    else:
        yield words


def _all_commands() -> list[list[str]]:
    named = [service["command"] for service in SERVICES.values() if "command" in service and "build" in service]
    named += [dockerfile.command for dockerfile in DOCKERFILES.values()]
    return [command for words in named for command in _commands(words)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_built_service_has_what_it_is_built_from(service: str) -> None:
    """Context and Dockerfile exist, and the image has a name of its own for each Dockerfile."""
    if build := SERVICES[service].get("build"):
        assert (ROOT / build["context"] / build["dockerfile"]).is_file()
        same = {SERVICES[other]["image"] for other in SERVICES if SERVICES[other].get("build") == build}
        assert same == {SERVICES[service]["image"]}


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service: str) -> None:
    """An image from elsewhere has a version that says more than "the newest"."""
    if "build" not in SERVICES[service]:
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?", SERVICES[service]["image"])


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_long_running_services_have_a_health_check(service: str) -> None:
    """Each says when it is well, with its own words for how long to wait."""
    assert SERVICES[service]["healthcheck"].keys() >= {"test", "interval", "timeout", "start_period", "retries"}
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_one_shot_services_are_not_started_for_ever(service: str) -> None:
    """What ends by itself stays ended."""
    assert SERVICES[service]["restart"] in {"no", "on-failure:3"}


@pytest.mark.parametrize("service", SERVICES)
def test_dependencies_exist_and_their_conditions_can_come_true(service: str) -> None:
    """Healthy needs a health check, completed needs an end; and nobody waits for what is only started by name."""
    for other, wanted in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert wanted["condition"] == expected
        assert "profiles" not in SERVICES[other]


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_least_privilege(service: str) -> None:
    """No capabilities and no writing but where it is named; only Kafka's start script writes beside itself."""
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[service]["read_only"] is (service != "kafka")
    assert not SERVICES[service].keys() & {"privileged", "cap_add", "network_mode", "pid"}


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_real_and_valid(service: str) -> None:
    """Every FRAUD_ variable of a service and of its image is a setting and holds what the setting takes."""
    dockerfile = _dockerfile(service)
    environment = {**(dockerfile.environment if dockerfile else {}), **SERVICES[service].get("environment", {})}
    settings = read_settings(_settings(environment))
    if service in {"topics", "worker", "ledger", "http", "train"}:
        assert settings.kafka.bootstrap == "kafka:9092"
    if service in {"worker", "http", "train"}:
        assert any(mount.startswith(f"bundles:{settings.bundle.store}") for mount in SERVICES[service]["volumes"])


def test_variables_are_explained() -> None:
    """Each ${VARIABLE} is in .env.example, and there with the same default, if it has one."""
    example = dict(re.findall(r"^(\w+)=(.*)$", rendered(), flags=re.MULTILINE))
    used = re.findall(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}", TEXT)
    assert len(used) == TEXT.count("${"), "a variable with neither default nor message"
    assert {name: example[name] for name, _ in used} == dict(used)


def test_passwords_come_from_outside() -> None:
    """A password is a required variable, never a text in the file."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)


def test_ports_are_unique_and_on_loopback() -> None:
    """No two services want the same port of this machine, and none is offered to the network."""
    defaults = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", " ".join(p for s in SERVICES.values() for p in s.get("ports", [])))
    published = [port.rsplit(":", 1)[0] for port in defaults.split()]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert max(Counter(published).values()) == 1


def test_ports_are_listened_on() -> None:
    """The container's side of each port is what the program in it listens on."""
    inner = {name: {int(p.rsplit(":", 1)[1]) for p in service.get("ports", [])} for name, service in SERVICES.items()}
    worker = _dockerfile("worker")
    assert worker is not None
    assert inner["worker"] == {int(worker.of("EXPOSE")[0])} == {int(worker.environment["FRAUD_WEB_PORT"])}
    assert inner["http"] == {read_settings(_settings(SERVICES["http"]["environment"])).http.port}
    assert inner["ledger"] == {read_settings(_settings(SERVICES["ledger"]["environment"])).ledger.web_port}
    assert inner["mlflow"] == {int(port) for word in SERVICES["mlflow"]["command"] for port in _port_option(word)}
    listeners = SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"]
    assert inner["kafka"] == {int(port) for port in re.findall(r"HOST://:(\d+)", listeners)}
    assert "INTERNAL://:9092" in listeners


def _port_option(word: str) -> list[str]:
    return re.findall(r"^--port=(\d+)$", word)


def test_each_listener_of_kafka_is_whole() -> None:
    """Every listener has a protocol, and clients are told of all but the controller's."""
    kafka = SERVICES["kafka"]["environment"]
    names = set(re.findall(r"(\w+)://", kafka["KAFKA_LISTENERS"]))
    assert names == set(re.findall(r"(\w+):PLAINTEXT", kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"]))
    assert set(re.findall(r"(\w+)://", kafka["KAFKA_ADVERTISED_LISTENERS"])) == names - {"CONTROLLER"}


@pytest.mark.parametrize("kind", ["volumes", "networks", "secrets"])
def test_volumes_networks_and_secrets_are_declared_and_used(kind: str) -> None:
    """Every name is declared, and every declaration is used; paths of this machine are no names."""
    named = {each.partition(":")[0] for service in SERVICES.values() for each in service.get(kind, [])}
    assert {name for name in named if name[0] not in "./"} == set(COMPOSE[kind])


def test_what_is_mounted_from_here_is_there_and_stays_as_it_is() -> None:
    """Files of this repository, read only; of the rest of the machine the node exporter alone sees anything."""
    mounts = [(name, each.split(":")) for name, service in SERVICES.items() for each in service.get("volumes", [])]
    bound = [(name, source, options) for name, (source, _, *options) in mounts if source[0] in "./"]
    assert len(bound) > 3
    for name, source, options in bound:
        assert options[0].split(",")[0] == "ro"
        assert (ROOT / source).exists()
        assert source.startswith("./deploy/") or name == "node-exporter"


def test_secrets_stay_out_of_the_repository_and_of_images() -> None:
    """They lie in a folder that Git ignores and no build sees, and programs are told of the mounted file."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert all("/" + each["file"].partition("/")[0] in ignored for each in COMPOSE["secrets"].values())
    mounted = {f"/run/secrets/{name}" for name in COMPOSE["secrets"]}
    assert SERVICES["http"]["environment"]["FRAUD_HTTP_KEYS"] in mounted
    jobs = {job["job_name"]: job for job in PROMETHEUS["scrape_configs"]}
    assert jobs["http"]["authorization"]["credentials_file"] in mounted
    for name in ("http", "prometheus"):
        assert len(SERVICES[name]["secrets"]) == 1


def test_an_edge_that_other_machines_reach_wants_keys() -> None:
    """As the edge itself would say when it starts."""
    settings = read_settings(_settings(SERVICES["http"]["environment"]))
    assert not is_loopback(settings.http.host)
    assert settings.http.keys


def test_prometheus_finds_what_it_watches() -> None:
    """Each target is a service on a network of Prometheus's, on the port where it serves; here is no archive."""
    told = [*PROMETHEUS["scrape_configs"], *PROMETHEUS["alerting"]["alertmanagers"]]
    targets = [sd for job in told for sd in job.get("dns_sd_configs", ())]
    ports = {name: each["port"] for each in targets for name in each["names"] if name != "archive"}
    assert ports.keys() == {"worker", "ledger", "http", "node-exporter", "alertmanager"}
    for name, port in ports.items():
        assert set(SERVICES[name]["networks"]) & set(SERVICES["prometheus"]["networks"])
        assert f":{port}/" in SERVICES[name]["healthcheck"]["test"][-1]


def test_alertmanager_and_grafana_reach_whom_they_ask() -> None:
    """The ledger, who keeps alerts; and the Prometheus that Grafana is provisioned with, under the dashboards' name."""
    assert set(SERVICES["alertmanager"]["networks"]) & set(SERVICES["ledger"]["networks"])
    provisioned = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    (source,) = yaml.safe_load(provisioned)["datasources"]
    assert (source["url"], source["uid"]) == ("http://prometheus:9090", SOURCE.uid)
    assert set(SERVICES["grafana"]["networks"]) & set(SERVICES["prometheus"]["networks"])
    boards = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/dashboards/fraud-stream.yml").read_text(encoding="utf-8")
    )
    mounted = {each.split(":")[1]: each.split(":")[0] for each in SERVICES["grafana"]["volumes"]}
    assert mounted[boards["providers"][0]["options"]["path"]] == "./deploy/grafana/dashboards"


@pytest.mark.parametrize("service", ["prometheus", "alertmanager", "node-exporter"])
def test_options_of_monitoring_exist(service: str) -> None:
    """Each is one that the program knows; the version here is another one, which has them as well."""
    program = {"prometheus": "prometheus"}.get(service, f"prometheus-{service}")
    done = subprocess.run([tool(program), "--help"], capture_output=True, text=True, check=False)
    known = set(re.findall(r"--(?:\[no-\])?([\w.-]+)", done.stdout + done.stderr))
    assert {option[2:].partition("=")[0] for option in SERVICES[service]["command"]} - known == set()


@pytest.mark.parametrize("service", ["prometheus", "alertmanager", "grafana", "node-exporter"])
def test_monitoring_runs_as_an_ordinary_user_and_only_when_asked_for(service: str) -> None:
    """By number; and the stream needs none of it."""
    assert int(SERVICES[service]["user"].partition(":")[0]) > 0
    assert SERVICES[service]["profiles"] == ["monitoring"]


def test_services_reach_whom_they_depend_on() -> None:
    """Who waits for another shares a network with it; the database is shared with MLflow and the ledger alone."""
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    for name, service in SERVICES.items():
        for other in service.get("depends_on", {}):
            reached = networks[name] & networks[other]
            assert reached or SERVICES[other]["restart"] == "on-failure:3"
    assert {name for name, reached in networks.items() if "database" in reached} == {"postgres", "mlflow", "ledger"}


@pytest.mark.parametrize("command", _all_commands(), ids=" ".join)
def test_commands_exist(command: list[str]) -> None:
    """Each of our commands exists and takes the options it is given."""
    program, *arguments = command
    if program not in PROGRAMS:
        assert program == "mlflow"
        return
    group = PROGRAMS[program]
    with click.Context(group) as context:
        name, found, rest = group.resolve_command(context, arguments) if arguments != ["--help"] else (None, None, [])
    if found is not None:
        found.make_context(name, rest).close()  # parses, runs nothing


def test_the_command_check_can_fail() -> None:
    """A command or option that does not exist is found."""
    for command in (["fraud-stream", "wrker"], ["fraud-train", "baseline", "--botstrap", "x"]):
        with pytest.raises(click.UsageError):
            test_commands_exist(command)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_dockerfiles_copy_what_exists(name: str) -> None:
    """Each source is there, and .dockerignore lets it through."""
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    ]
    for source in DOCKERFILES[name].copied:
        assert (ROOT / source).exists(), f"{source} is not there"
        assert any(Path(source).match(pattern) for pattern in let_through), f".dockerignore keeps {source} out"


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_as_an_ordinary_user(name: str) -> None:
    """By number, so that any platform can see that it is not root."""
    (user,) = DOCKERFILES[name].of("USER")
    assert int(user.partition(":")[0]) >= 1000
    assert any(f"--uid {user.partition(':')[0]} " in run for run in DOCKERFILES[name].of("RUN"))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_stand_on_a_pinned_slim_python(name: str) -> None:
    """The same in every stage, so that what was built runs."""
    assert set(DOCKERFILES[name].bases) == {"python:3.12-slim"}


def test_images_install_their_lock_with_hashes() -> None:
    """Each image installs one lock file, checked by hash; the last stage installs nothing."""
    for name, dockerfile in DOCKERFILES.items():
        lock = f"requirements/{name.partition('.')[0]}.txt"
        assert lock in dockerfile.copied
        assert any(f"--require-hashes -r {lock}" in each.rest for each in dockerfile.all)
        assert not any("pip" in run for run in dockerfile.of("RUN"))


def test_the_serving_image_holds_no_training() -> None:
    """Neither our training code nor its packages."""
    assert not any(source.startswith("training") for source in DOCKERFILES["serving.Dockerfile"].copied)
    lock = (ROOT / "requirements" / "serving.txt").read_text(encoding="utf-8")
    assert not re.findall(r"^(mlflow|scikit-learn|pandas|lightgbm|xgboost\S*|matplotlib)==", lock, flags=re.MULTILINE)


def test_the_worker_is_asked_for_its_health_where_it_answers() -> None:
    """The image's own check and the compose file's ask the same address."""
    worker = _dockerfile("worker")
    assert worker is not None
    (check,) = worker.of("HEALTHCHECK")
    address = f"http://127.0.0.1:{worker.environment['FRAUD_WEB_PORT']}/healthz"
    assert address in check
    assert address in SERVICES["worker"]["healthcheck"]["test"][-1]


def test_every_volume_is_mounted_where_its_user_may_write() -> None:
    """Our images make the directories that volumes are mounted on, owned by their user."""
    for name in ("worker", "mlflow", "train"):
        dockerfile = _dockerfile(name)
        assert dockerfile is not None
        made = " ".join(run for run in dockerfile.of("RUN") if "install -d -o fraud" in run)
        for mount in SERVICES[name]["volumes"]:
            assert mount.split(":")[1] in made.split()

"""docker-compose.yml, running: images, services, trained models and traffic, each built on the one before."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from schemas.messages import Label, encode
from stream.http.api_keys import add_key, make_key
from stream.runtime.ports import free_ports
from stream.settings import Settings
from tests.compose.engine import Engine, unavailable
from tests.compose.project import Project, waves
from tests.compose.traffic import Messages, first_transactions, keyed, later
from tests.deploy.compose import ROOT
from tests.support.topics import produce_all
from training.validation.thresholds import DEFAULT

BUILD = Path(__file__).parent / "stand_ins" / "build.sh"
#: Images stay here between runs, and so do the logs of the last run; `make clean` removes them.
DIRECTORY = ROOT / "var" / "compose"
PORTS = (
    "KAFKA",
    "MLFLOW",
    "WORKER",
    "LEDGER",
    "ARCHIVE",
    "HTTP",
    "BALANCER",
    "BALANCER_ADMIN",
    "PROMETHEUS",
    "ALERTMANAGER",
)


@dataclass(frozen=True)
class Running:
    """The running services.

    Attributes:
        project: The compose project.
        ports: Ports on this machine, by the prefix of their variables.
        http_key: API key that may request decisions and read metrics.
    """

    project: Project
    ports: dict[str, int]
    http_key: str

    @property
    def settings(self) -> Settings:
        """Settings for a program on this machine."""
        return Settings().replace(kafka_bootstrap=f"127.0.0.1:{self.ports['KAFKA']}")

    def send(self, messages: Messages) -> None:
        """Send transactions from this machine."""
        produce_all(self.settings.kafka.bootstrap, self.settings.topic.transactions, keyed(messages))


@dataclass(frozen=True)
class Traffic:
    """Transactions and labels that have been sent."""

    running: Running
    transactions: Messages
    labels: list[Label]


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Podman and the images.

    Where containers cannot run, the tests fail; if `CONTAINERS_OPTIONAL` is set, as by `.ci/run`, they are skipped.
    """
    give_up = pytest.skip if os.environ.get("CONTAINERS_OPTIONAL") else pytest.fail
    if reason := unavailable():
        give_up(reason)
    engine = Engine(DIRECTORY)
    if reason := engine.can_run_containers(tmp_path_factory.mktemp("probe")):
        give_up(reason)
    built = subprocess.run([BUILD, sys.executable], env=engine.environment | {"PYTHONPATH": str(ROOT)}, check=False)
    assert built.returncode == 0, "the images could not be built; the output above says why"
    return engine


@pytest.fixture(scope="package")
def running(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All services, healthy."""
    secrets = tmp_path_factory.mktemp("secrets")
    predict_key, predict_entry = make_key("test", ("predict", "metrics"))
    metrics_key, metrics_entry = make_key("prometheus", ("metrics",))
    for entry in (predict_entry, metrics_entry):
        add_key(secrets / "http-keys.json", entry)
    (secrets / "http-metrics-key").write_text(metrics_key, encoding="utf-8")
    # `first_transactions` sends few of the legitimate transactions, with which a retrained model is worse in a slice.
    lenient = replace(DEFAULT.slices, max_recall_loss=1.0, max_false_positive_rise=1.0)
    (secrets / "validation.yaml").write_bytes(msgspec.yaml.encode(replace(DEFAULT, slices=lenient)))
    for path in secrets.iterdir():
        path.chmod(0o644)  # containers run as other users
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    variables = {f"{name}_HOST_PORT": str(port) for name, port in ports.items()}
    variables |= {"POSTGRES_PASSWORD": "p@ss/w:rd", "COMPOSE_TEST_SECRETS": str(secrets)}
    project = Project(engine, Path(sys.executable).with_name("podman-compose"), variables)
    project.remove()  # what an interrupted run has left
    try:
        for wave in waves():
            project.start(wave)
        yield Running(project, ports, predict_key)
    finally:
        project.save_logs(DIRECTORY / "logs")
        project.remove()


@pytest.fixture(scope="package")
def trained(running: Running) -> Running:
    """The services after `train` has run."""
    pip = Path("/etc/pip.conf"), Path("/etc/ssl/certs")
    mounts = [word for path in pip if path.exists() for word in ("--volume", f"{path}:{path}:ro")]
    running.project.compose("run", "--rm", "--no-deps", "-T", *mounts, "train", timeout=600)
    return running


@pytest.fixture(scope="package")
def traffic(trained: Running, tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    """Transactions, the labels of their frauds, and later transactions, so that the earlier ones mature."""
    data = trained.project.volume("training") / "data" / "creditcard.parquet"
    first, labels = first_transactions(data, tmp_path_factory.mktemp("data") / "rows.parquet")
    sent = first + later(first[:1000], "later")
    trained.send(sent)
    settings = trained.settings
    values = [(label.transaction_id.encode(), encode(label)) for label in labels]
    produce_all(settings.kafka.bootstrap, settings.topic.labels, values)
    return Traffic(trained, sent, labels)

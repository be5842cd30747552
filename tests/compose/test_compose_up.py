"""docker-compose.yml in containers: healthy, locked down and scraped; then the whole loop, to a stop without loss.

The tests build on each other, in this order.
"""

import json
import urllib.request
from collections import Counter
from typing import Any

import pytest

from schemas.messages import RetrainRequest, encode
from stream.archive.reader import read_archive
from stream.control.retrain_requests import read_requests
from stream.control.role_reader import current_roles
from tests.compose.conftest import Running, Traffic
from tests.compose.project import BY_HAND, LEFT_OUT
from tests.compose.traffic import later
from tests.deploy.compose import LONG_RUNNING, PROMETHEUS, SERVICES
from tests.support.topics import read_all
from tests.support.until import until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

#: Our own long-running programs.
PROGRAMS = ("http", "worker", "ledger", "archive", "watch")


def test_every_service_is_healthy(running: Running) -> None:
    """Every long-running service is running, has not been restarted, and is healthy."""
    for service in set(LONG_RUNNING) - LEFT_OUT:
        state = running.project.state(service)
        found = (service, state["State"]["Status"], state["RestartCount"])
        assert found == (service, "running", 0), running.project.log(service)
        assert running.project.is_healthy(service), service


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - LEFT_OUT - BY_HAND))
def test_hardening_is_in_force(running: Running, service: str) -> None:
    """The containers have no capability, cannot gain any, and have a read-only root as docker-compose.yml says."""
    state = running.project.state(service)
    assert not state["EffectiveCaps"]
    assert not state["BoundingCaps"]
    assert "no-new-privileges" in state["HostConfig"]["SecurityOpt"]
    assert state["HostConfig"]["ReadonlyRootfs"] is SERVICES[service]["read_only"]


def test_prometheus_scrapes_every_target(running: Running) -> None:
    """Every job of the configuration has a target, every target is up, and Alertmanager is found."""
    address = f"http://127.0.0.1:{running.ports['PROMETHEUS']}/api/v1"
    jobs = {job["job_name"] for job in PROMETHEUS["scrape_configs"]}

    def targets() -> dict[str, str]:
        return {each["labels"]["job"]: each["health"] for each in get(f"{address}/targets")["activeTargets"]}

    until(lambda: targets() == dict.fromkeys(jobs, "up"), 90)
    assert len(get(f"{address}/alertmanagers")["activeAlertmanagers"]) == 1


def test_train_publishes_a_champion_and_challengers(trained: Running) -> None:
    """After `train`, the worker has a champion, and two challengers run in shadow mode."""
    roles = current_roles(trained.settings.kafka, trained.settings.topic)
    assert roles is not None
    assert len(roles.challengers) == 2


def test_transactions_are_decided_on_the_stream(traffic: Traffic) -> None:
    """Every transaction is decided."""
    expected = {each.transaction_id for each in traffic.transactions}
    until(lambda: decided(traffic.running).keys() >= expected, 60)


def test_a_transaction_is_decided_over_http(traffic: Traffic) -> None:
    """The HTTP edge decides a transaction and confirms that Kafka has the decision."""
    (transaction,) = later(traffic.transactions[:1], "http")
    request = urllib.request.Request(
        f"http://127.0.0.1:{traffic.running.ports['HTTP']}/predict",
        encode(transaction),
        {"Authorization": f"Bearer {traffic.running.http_key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - an address of this test
        assert json.load(response)["transaction_id"] == transaction.transaction_id
    assert decided(traffic.running)[transaction.transaction_id] == 1


def test_decisions_and_labels_reach_the_ledger(traffic: Traffic) -> None:
    """Postgres has each decision once, and every label."""
    until(lambda: rows(traffic.running, "labels", "label_id") == (len(traffic.labels),) * 2, 60)
    until(lambda: rows(traffic.running, "decisions", "decision_id") == (len(traffic.transactions) + 1,) * 2, 60)


def test_the_archive_fills(traffic: Traffic) -> None:
    """The archive has each transaction and each label once."""
    url = str(traffic.running.project.volume("archive"))

    def archived(kind: str) -> int:
        return sum(batch.num_rows for batch in read_archive(url, kind))

    until(lambda: archived("transactions") == len(traffic.transactions), 60)
    until(lambda: archived("labels") == len(traffic.labels), 60)


def test_a_request_becomes_a_challenger_that_the_worker_scores(traffic: Traffic) -> None:
    """`watch` answers a request with a model from the archive and the labels; the worker then scores it in shadow mode.

    The drift monitor may have requested a model before the labels had matured; `watch` declines such a request.
    """
    running, settings = traffic.running, traffic.running.settings

    def retrained() -> bool:
        requests = read_requests(settings.kafka, settings.topic)
        if all(each.answer is not None for each in requests) and not challengers(requests):
            running.project.exec("watch", "fraud-train", "retrain", "--reason", "make test-compose")
        return bool(challengers(requests))

    until(retrained, 240)
    roles = current_roles(settings.kafka, settings.topic)
    assert roles is not None
    newest = roles.challengers[-1].bundle.sha256
    assert len(roles.challengers) == 3

    def shadow_scores() -> int:
        messages = read_all(settings.kafka.bootstrap, settings.topic.shadow_scores)
        return sum(json.loads(message.value() or b"{}")["bundle_sha256"] == newest for message in messages)

    number = iter(range(60))

    def is_scored() -> bool:
        running.send(later(traffic.transactions[:10], f"shadow-{next(number)}"))
        return shadow_scores() > 0

    until(is_scored, 60)


def test_stopping_loses_and_repeats_nothing(traffic: Traffic) -> None:
    """A worker stopped in the middle of its work, then every program: each transaction is decided exactly once."""
    running, project = traffic.running, traffic.running.project
    burst = later(traffic.transactions[:10_000], "burst")
    running.send(burst)
    project.compose("stop", "worker")
    assert project.state("worker")["State"]["ExitCode"] == 0, project.log("worker")
    undecided = {each.transaction_id for each in burst} - decided(running).keys()
    project.start(["worker"])
    until(lambda: not undecided - decided(running).keys(), 60)
    sent = {message.value() for message in read_all(running.settings.kafka.bootstrap, "transactions")}
    until(lambda: rows(running, "decisions", "decision_id") == (len(sent) + 1,) * 2, 60)

    project.compose("stop", *PROGRAMS)
    codes = {service: project.state(service)["State"]["ExitCode"] for service in PROGRAMS}
    assert codes == dict.fromkeys(PROGRAMS, 0)
    decisions = decided(running)
    assert len(decisions) == len(sent) + 1
    assert set(decisions.values()) == {1}
    url = str(project.volume("archive"))
    assert sum(batch.num_rows for batch in read_archive(url, "decisions")) == len(decisions)


def get(url: str) -> dict[str, Any]:
    """Return the data of a response from Prometheus."""
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - an address of this test
        data: dict[str, Any] = json.load(response)["data"]
    return data


def decided(running: Running) -> Counter[str]:
    """Return the number of committed decisions on each transaction."""
    messages = read_all(running.settings.kafka.bootstrap, running.settings.topic.decisions)
    return Counter(json.loads(message.value() or b"{}")["transaction_id"] for message in messages)


def rows(running: Running, table: str, column: str) -> tuple[int, int]:
    """Return the number of rows in a table of the ledger, and the number of distinct values in a column."""
    query = f"SELECT count(*), count(DISTINCT {column}) FROM {table}"  # noqa: S608 - names from this test
    output = running.project.exec("postgres", "psql", "--username=mlflow", "--dbname=ledger", "-tAF,", f"-c{query}")
    number, distinct = output.strip().split(",")
    return int(number), int(distinct)


def challengers(requests: list[RetrainRequest]) -> list[RetrainRequest]:
    """Return the requests that were answered with a challenger."""
    return [each for each in requests if each.answer is not None and each.answer.outcome == "challenger"]

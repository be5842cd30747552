"""The services start healthy, as locked down as docker-compose.yml says, and Prometheus scrapes all of them."""

import json
import urllib.request
from typing import Any

import pytest

from tests.compose.conftest import Running
from tests.compose.project import BY_HAND, LEFT_OUT
from tests.deploy.compose import LONG_RUNNING, PROMETHEUS, SERVICES
from tests.support.until import until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


def test_every_service_is_healthy(running: Running) -> None:
    """Every long-running service is running, has not been restarted, and is healthy."""
    for service in set(LONG_RUNNING) - LEFT_OUT:
        state = running.project.state(service)
        assert (service, state["State"]["Status"], state["RestartCount"]) == (service, "running", 0)
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
        return {each["labels"]["job"]: each["health"] for each in _get(f"{address}/targets")["activeTargets"]}

    until(lambda: targets() == dict.fromkeys(jobs, "up"), 90)
    assert len(_get(f"{address}/alertmanagers")["activeAlertmanagers"]) == 1


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - an address of this test
        data: dict[str, Any] = json.load(response)["data"]
    return data

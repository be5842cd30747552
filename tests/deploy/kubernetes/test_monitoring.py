"""Rules and scrape targets in Kubernetes are those of deploy/prometheus, which docker-compose.yml uses."""

from typing import Any

import pytest
import yaml

from deploy.kubernetes.monitoring import FOLDER, JOBS, KEY, render
from deploy.kubernetes.render import OVERLAYS
from deploy.observe.configuration import FOLDER as PROMETHEUS
from tests.deploy.compose import PROMETHEUS as CONFIG
from tests.deploy.kubernetes.rendered import TRACKS, Manifests, manifests

SCRAPED = {job["job_name"]: job for job in CONFIG["scrape_configs"]}


def test_generated_files_are_up_to_date() -> None:
    """`python -m deploy.kubernetes.monitoring` would change nothing, and no file is left over."""
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == render()


@pytest.mark.parametrize("environment", OVERLAYS)
def test_rules_are_the_same_as_in_compose(environment: str) -> None:
    """Every rule file of prometheus.yml is a PrometheusRule with the same groups, as read by a YAML parser."""
    rules = {each["metadata"]["name"]: each["spec"] for each in manifests(environment).of("PrometheusRule")}
    files = [PROMETHEUS / name for name in CONFIG["rule_files"]]
    assert rules == {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in files}
    assert len(rules) > 5


@pytest.mark.parametrize("environment", OVERLAYS)
def test_every_program_is_scraped_as_in_compose(environment: str) -> None:
    """Jobs have the names that the rules expect, and the same intervals and authorisation as in prometheus.yml."""
    monitors = {each["metadata"]["name"]: each["spec"] for each in manifests(environment).of("ServiceMonitor")}
    assert set(monitors) == set(JOBS) == set(SCRAPED) - {"node", "prometheus"}
    for job, spec in monitors.items():
        assert spec["jobLabel"] in spec["selector"]["matchLabels"]
        assert spec["selector"]["matchLabels"][spec["jobLabel"]] == job
        (endpoint,) = spec["endpoints"]
        assert endpoint["interval"] == CONFIG["global"]["scrape_interval"]
        assert endpoint["scrapeTimeout"] == CONFIG["global"]["scrape_timeout"]
        assert bool(endpoint.get("authorization")) == bool(SCRAPED[job].get("authorization")) == (job == "http")
    credentials = monitors["http"]["endpoints"][0]["authorization"]["credentials"]
    assert SCRAPED["http"]["authorization"]["credentials_file"] == f"/run/secrets/{credentials['name']}"
    assert credentials["key"] == KEY


@pytest.mark.parametrize("environment", OVERLAYS)
def test_each_pod_is_scraped_once(environment: str) -> None:
    """A monitor's Services select the job's pods in both tracks, on the port in prometheus.yml, and no pod twice."""
    whole = Manifests("---\n".join(manifests(environment, part).text for part in ("shared", *TRACKS)))
    for monitor in manifests(environment).of("ServiceMonitor"):
        job = monitor["metadata"]["name"]
        scraped = [
            workload.name
            for service in _services(whole, monitor["spec"]["selector"]["matchLabels"])
            for workload in whole.workloads
            if service["spec"]["selector"].items() <= workload.labels.items()
        ]
        assert sorted(scraped) == ([f"{job}-{track}" for track in TRACKS] if job in {"worker", "http"} else [job])
        (discovery,) = SCRAPED[job]["dns_sd_configs"]
        for workload in (each for each in whole.workloads if each.name in scraped):
            assert workload.container["ports"] == [{"name": "web", "containerPort": discovery["port"]}]
        assert [each["port"] for each in monitor["spec"]["endpoints"]] == ["web"]


def _services(whole: Manifests, labels: dict[str, str]) -> list[dict[str, Any]]:
    services = [each for each in whole.of("Service") if labels.items() <= each["metadata"]["labels"].items()]
    assert all([port["name"] for port in each["spec"]["ports"]] == ["web"] for each in services)
    return services


def test_series_carry_the_track() -> None:
    """A release is compared with the one before it by the label `track`, which every pod of a track has."""
    for monitor in manifests("production").of("ServiceMonitor"):
        assert monitor["spec"]["podTargetLabels"] == ["track"]
    assert manifests("production", "green").workload("http").labels["track"] == "green"

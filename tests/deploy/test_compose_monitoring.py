"""The monitoring services of the compose file reach their targets and run with valid options."""

import re
import subprocess

import pytest
import yaml

from deploy.grafana.panels import SOURCE
from tests.deploy.compose import PROMETHEUS, ROOT, SERVICES
from tests.support.tool import tool


def test_prometheus_reaches_its_targets() -> None:
    """Prometheus finds its targets by DNS and can reach each on its web port; only its own address is fixed."""
    jobs = [*PROMETHEUS["scrape_configs"], *PROMETHEUS["alerting"]["alertmanagers"]]
    targets = [sd for job in jobs for sd in job.get("dns_sd_configs", ())]
    ports = {name: each["port"] for each in targets for name in each["names"]}
    assert ports.keys() == {"worker", "ledger", "archive", "http", "node-exporter", "alertmanager"}
    assert [job["job_name"] for job in jobs if "static_configs" in job] == ["prometheus"]
    for name, port in ports.items():
        assert set(SERVICES[name]["networks"]) & set(SERVICES["prometheus"]["networks"])
        assert f":{port}/" in SERVICES[name]["healthcheck"]["test"][-1]


def test_alertmanager_and_grafana_reach_their_services() -> None:
    """Alertmanager reaches the ledger; Grafana reaches the provisioned Prometheus and the dashboards."""
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
    """Each option in the compose file exists in the installed program, whose version may differ from the image's."""
    program = {"prometheus": "prometheus"}.get(service, f"prometheus-{service}")
    done = subprocess.run([tool(program), "--help"], capture_output=True, text=True, check=False)
    options = set(re.findall(r"--(?:\[no-\])?([\w.-]+)", done.stdout + done.stderr))
    assert {option[2:].partition("=")[0] for option in SERVICES[service]["command"]} - options == set()


@pytest.mark.parametrize("service", ["prometheus", "alertmanager", "grafana", "node-exporter"])
def test_monitoring_is_optional_and_runs_without_root(service: str) -> None:
    """The monitoring services have a numeric user above 0, and a profile of their own."""
    assert int(SERVICES[service]["user"].partition(":")[0]) > 0
    assert SERVICES[service]["profiles"] == ["monitoring"]

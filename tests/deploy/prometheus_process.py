"""A real Prometheus for a test, and a client for its API."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from stream.local.owned_process import OwnedProcess
from tests.support.tool import tool
from tests.support.until import until

#: Replaces Grafana's $__rate_interval, which depends on the width of a panel.
RATE_INTERVAL = "10s"


class Prometheus:
    """A client of Prometheus's HTTP API.

    Args:
        address: Address of Prometheus, host:port.
    """

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", timeout=10)

    def close(self) -> None:
        """Close the connections to Prometheus."""
        self._client.close()

    def is_ready(self) -> bool:
        """Return whether Prometheus is responding."""
        with contextlib.suppress(httpx.TransportError):
            return self._client.get("/targets").is_success
        return False

    def targets(self) -> dict[str, str]:
        """Return the health of each job's last scrape: "up" if it succeeded."""
        return {each["labels"]["job"]: each["health"] for each in self._get("/targets")["activeTargets"]}

    def values(self, expression: str) -> list[float]:
        """Return the current values of an expression, without NaN.

        Raises:
            AssertionError: If Prometheus cannot evaluate the expression; the message quotes its error.
        """
        query = expression.replace("$__rate_interval", RATE_INTERVAL)
        result = self._get("/query", query=query)["result"]
        values = [float(each["value"][1]) for each in result]
        return [value for value in values if not math.isnan(value)]

    def rule_errors(self) -> dict[str, str]:
        """Return each rule's last evaluation error, or the rule's health if the rule has not been evaluated."""
        rules = [rule for group in self._get("/rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: rule.get("lastError", rule["health"]) for rule in rules if rule["health"] != "ok"}

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        response = self._client.get(path, params=params)
        assert response.is_success, f"{params}: {response.text}"
        data: dict[str, Any] = response.json()["data"]
        return data


@contextlib.contextmanager
def running_prometheus(config: str, port: int, directory: Path) -> Iterator[Prometheus]:
    """Run Prometheus on a local port until the context exits."""
    file = directory / "prometheus.yml"
    file.write_text(config, encoding="utf-8")
    options = {"config.file": file, "storage.tsdb.path": directory / "data", "web.listen-address": f"127.0.0.1:{port}"}
    command = [tool("prometheus"), *(f"--{name}={value}" for name, value in options.items())]
    process = OwnedProcess(command, directory / "prometheus.log")
    prometheus = Prometheus(f"127.0.0.1:{port}")
    try:
        until(prometheus.is_ready)
        yield prometheus
    finally:
        process.kill()
        prometheus.close()

"""A real Prometheus that ends with its test, and questions to it."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from stream.local.owned_process import OwnedProcess
from tests.support.tool import tool
from tests.support.until import until

#: Stands for Grafana's own, which depends on a panel's width.
RATE_INTERVAL = "10s"


class Prometheus:
    """Asks a Prometheus.

    Args:
        address: Its host:port.
    """

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", timeout=10)

    def is_ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx.TransportError):
            return self._client.get("/targets").is_success
        return False

    def targets(self) -> dict[str, str]:
        """Return by job whether the last scrape went well: "up"."""
        return {each["labels"]["job"]: each["health"] for each in self._get("/targets")["activeTargets"]}

    def values(self, expression: str) -> list[float]:
        """Return what an expression gives now, but for what is no number.

        Raises:
            AssertionError: If Prometheus cannot evaluate it; it says why.
        """
        query = expression.replace("$__rate_interval", RATE_INTERVAL)
        result = self._get("/query", query=query)["result"]
        found = [float(each["value"][1]) for each in result]
        return [value for value in found if not math.isnan(value)]

    def rule_errors(self) -> dict[str, str]:
        """Return by rule what went wrong when it was evaluated last, or that it never was."""
        rules = [rule for group in self._get("/rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: rule.get("lastError", rule["health"]) for rule in rules if rule["health"] != "ok"}

    def _get(self, path: str, **asked: str) -> dict[str, Any]:
        reply = self._client.get(path, params=asked)
        assert reply.is_success, f"{asked}: {reply.text}"
        data: dict[str, Any] = reply.json()["data"]
        return data


@contextlib.contextmanager
def running_prometheus(config: str, port: int, directory: Path) -> Iterator[Prometheus]:
    """Run a Prometheus on a port of this machine until the context is left."""
    file = directory / "prometheus.yml"
    file.write_text(config, encoding="utf-8")
    options = {"config.file": file, "storage.tsdb.path": directory / "data", "web.listen-address": f"127.0.0.1:{port}"}
    command = [tool("prometheus"), *(f"--{name}={value}" for name, value in options.items())]
    process = OwnedProcess(command, directory / "prometheus.log")
    try:
        asked = Prometheus(f"127.0.0.1:{port}")
        until(asked.is_ready)
        yield asked
    finally:
        process.kill()

"""Prometheus, Alertmanager and the node exporter, if they are installed."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deploy.observe.configuration import alertmanager_config, prometheus_config
from deploy.observe.installed import find, not_installed
from stream.local.owned_process import OwnedProcess
from stream.runtime.ports import free_ports

#: Seconds between SIGTERM and SIGKILL.
STOP_S = 10.0


@contextlib.contextmanager
def running_monitors(
    programs: Mapping[str, str], scratch: Path, out: Path, report: Callable[[str], object]
) -> Iterator[dict[str, str]]:
    """Run the monitors until the context exits.

    Args:
        programs: host:port by program name, which is also the name of its Prometheus job.
        scratch: Directory for the monitors' data.
        out: Directory for the monitors' configuration and logs.
        report: Function called with a message for each monitor that is not installed.

    Yields:
        host:port of each monitor that is running, by name.
    """
    node, alertmanager, prometheus = (f"127.0.0.1:{port}" for port in free_ports(3))
    with contextlib.ExitStack() as stack:
        started: dict[str, str] = {}

        def start(name: str, program: str, address: str, **options: str) -> None:
            path = find(program)
            if path is None:
                report(not_installed(program))
                return
            arguments = {"web.listen-address": address} | {
                key.replace("_", "."): value for key, value in options.items()
            }
            command = [path, *(f"--{key}={value}" for key, value in arguments.items())]
            stack.callback(OwnedProcess(command, out / f"{name}.log").stop, STOP_S)
            started[name] = address

        start("node", "prometheus-node-exporter", node)
        alertmanager_file = out / "alertmanager.yml"
        alertmanager_file.write_text(alertmanager_config(programs["ledger"]), encoding="utf-8")
        data = {"config_file": str(alertmanager_file), "storage_path": str(scratch / "alertmanager")}
        start("alertmanager", "prometheus-alertmanager", alertmanager, **data, **{"cluster.listen-address": ""})
        jobs = {**programs, "prometheus": prometheus}
        if "node" in started:
            jobs["node"] = started["node"]
        config = out / "prometheus.yml"
        config.write_text(prometheus_config(jobs, alertmanager=started.get("alertmanager")), encoding="utf-8")
        data = {"config_file": str(config), "storage_tsdb_path": str(scratch / "prometheus")}
        start("prometheus", "prometheus", prometheus, **data)
        yield started

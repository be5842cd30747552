"""Prometheus, Alertmanager and the node exporter, as far as they are installed; they end with the context."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deploy.observe.configuration import alertmanager_config, prometheus_config
from deploy.observe.installed import find, missing
from stream.local.owned_process import OwnedProcess
from stream.runtime.ports import free_ports

#: Seconds that each gets to end.
STOP_S = 10.0


@contextlib.contextmanager
def watching(
    programs: Mapping[str, str], scratch: Path, out: Path, say: Callable[[str], object]
) -> Iterator[dict[str, str]]:
    """Run what watches the programs.

    Args:
        programs: host:port of each by its name, which is the name of its job.
        scratch: For what they measure.
        out: Receives their configuration and what they print.
        say: Told in one line about each that is not installed.

    Yields:
        host:port of each that runs.
    """
    node, alerts, own = (f"127.0.0.1:{port}" for port in free_ports(3))
    with contextlib.ExitStack() as stack:
        found: dict[str, str] = {}

        def start(name: str, program: str, address: str, **options: str) -> None:
            path = find(program)
            if path is None:
                say(missing(program))
                return
            given = {"web.listen-address": address} | {key.replace("_", "."): value for key, value in options.items()}
            command = [path, *(f"--{key}={value}" for key, value in given.items())]
            stack.callback(OwnedProcess(command, out / f"{name}.log").stop, STOP_S)
            found[name] = address

        start("node", "prometheus-node-exporter", node)
        alerting = out / "alertmanager.yml"
        alerting.write_text(alertmanager_config(programs["ledger"]), encoding="utf-8")
        data = {"config_file": str(alerting), "storage_path": str(scratch / "alertmanager")}
        start("alertmanager", "prometheus-alertmanager", alerts, **data, **{"cluster.listen-address": ""})
        jobs = {**programs, "prometheus": own} | {name: at for name, at in found.items() if name == "node"}
        config = out / "prometheus.yml"
        config.write_text(prometheus_config(jobs, alertmanager=found.get("alertmanager")), encoding="utf-8")
        start("prometheus", "prometheus", own, config_file=str(config), storage_tsdb_path=str(scratch / "prometheus"))
        yield found

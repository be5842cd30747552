"""Tests of `make observe` as a user runs it: all targets are up, and Ctrl-C leaves no process behind."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.observe.installed import not_installed
from deploy.observe.monitors import running_monitors
from tests.deploy.prometheus_process import Prometheus
from tests.support.bundles import put_bundle
from tests.support.tool import tool
from tests.support.traffic import transaction
from tests.support.until import until
from training.registry.roles import TrainedRoles, save_roles

ROOT = Path(__file__).parents[2]
#: Seconds to wait for a broker, three programs and the monitors to start, and to stop.
START_S, STOP_S = 60.0, 30.0


@pytest.mark.slow
def test_all_targets_are_up_and_no_process_remains(tmp_path: Path) -> None:
    """Transactions are decided on the stream and over HTTP; after Ctrl-C, no process remains."""
    for program in ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter"):
        tool(program)
    store = tmp_path / "bundles"
    roles = TrainedRoles(str(store), put_bundle(store, "1"), (put_bundle(store, "2", bias=-3.0),))
    save_roles(roles, tmp_path / "roles.json")
    (tmp_path / "transactions.jsonl").write_bytes(b"\n".join(transaction(number) for number in range(100)))
    arguments = {name: str(tmp_path / file) for name, file in {"roles": "roles.json", "out": "out"}.items()}
    arguments["transactions"] = str(tmp_path / "transactions.jsonl")
    options = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    log = tmp_path / "observe.log"
    with log.open("wb") as output:
        observe = subprocess.Popen(
            [sys.executable, "-m", "deploy.observe", *options], cwd=ROOT, stdout=output, stderr=output
        )
    children: list[psutil.Process] = []
    try:
        until(lambda: observe.poll() is not None or "Ctrl-C" in log.read_text(), timeout=START_S)
        assert observe.poll() is None, log.read_text()
        addresses = dict(re.findall(r"^(\w+) +http://([\d.:]+)/", log.read_text(), flags=re.MULTILINE))
        jobs = {"worker", "ledger", "http", "node", "prometheus"}
        assert addresses.keys() == jobs | {"alertmanager"}
        prometheus = Prometheus(addresses["prometheus"])
        until(prometheus.is_ready)
        until(lambda: prometheus.targets() == dict.fromkeys(jobs, "up"), timeout=30)
        until(lambda: len(prometheus.values('prediction_requests_total{outcome="decided"} > 0')) == 2, timeout=30)
        children = psutil.Process(observe.pid).children(recursive=True)
        assert len(children) >= 7
        observe.send_signal(signal.SIGINT)
        assert observe.wait(STOP_S) == 0, log.read_text()
    finally:
        observe.kill()
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert len(gone) == len(children)


def test_missing_monitors_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missing monitor is reported with the package to install, and the other programs run without it."""
    monkeypatch.setattr("deploy.observe.monitors.find", lambda _: None)
    messages: list[str] = []
    programs = dict.fromkeys(("worker", "ledger", "http"), "127.0.0.1:1")
    with running_monitors(programs, tmp_path, tmp_path, messages.append) as monitors:
        assert monitors == {}
    monitors_in_order = ("prometheus-node-exporter", "prometheus-alertmanager", "prometheus")
    assert messages == [not_installed(program) for program in monitors_in_order]

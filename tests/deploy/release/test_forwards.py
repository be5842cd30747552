"""Forwarded ports of pods. A script stands in for `kubectl port-forward`, which needs a node."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.release import forwards as forwards_module
from deploy.release.errors import ReleaseError
from deploy.release.forwards import Forwards
from deploy.release.kubectl import Kubectl
from tests.support.until import until

#: Forwards to a port that counts up with each call.
_FORWARD = """\
echo "$@" >> {log}
echo "Forwarding from 127.0.0.1:$((40000 + $(wc -l < {log}))) -> 6072"
exec sleep 60
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the body of the script that stands in for kubectl."""

    def write(body: str) -> None:
        program = tmp_path / "kubectl"
        program.write_text("#!/bin/sh\n" + body.format(log=tmp_path / "log"), encoding="utf-8")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    write(_FORWARD)
    return write


@pytest.fixture
def opened(script: Callable[[str], None]) -> Iterator[Forwards]:  # noqa: ARG001 - kubectl is the script
    """Forwarded ports, which are closed after the test."""
    made = Forwards(Kubectl("any"))
    yield made
    made.close()


def test_each_pod_has_one_port(opened: Forwards, tmp_path: Path) -> None:
    """The port is opened once, on the loopback address only."""
    first = opened.url("http-green-0", 6072)
    assert first == opened.url("http-green-0", 6072)
    assert first != opened.url("http-green-1", 6072)
    calls = (tmp_path / "log").read_text("utf-8").splitlines()
    assert calls[0] == "--namespace any port-forward --address 127.0.0.1 pod/http-green-0 :6072"
    assert len(calls) == 2


def test_a_port_that_was_lost_is_opened_again(opened: Forwards) -> None:
    """The connection to a pod ends when its container is started again."""
    first = opened.url("http-green-0", 6072)
    process = opened._open["http-green-0"].process
    process.kill()
    until(lambda: process.poll() is not None)
    assert opened.url("http-green-0", 6072) != first


def test_ports_of_pods_that_are_gone_are_closed(opened: Forwards) -> None:
    """No process is left behind, neither then nor at the end."""
    for pod in ("a", "b"):
        opened.url(pod, 6072)
    gone, kept = (opened._open[pod].process for pod in ("a", "b"))
    opened.keep(["b", "c"])
    assert (gone.poll() is None, kept.poll() is None) == (False, True)
    opened.close()
    assert kept.poll() is not None


@pytest.mark.parametrize(
    ("body", "reason"),
    [("echo error: pods a not found >&2; exit 1\n", "error: pods a not found"), ("exec sleep 60\n", "no response")],
)
def test_a_port_that_cannot_be_forwarded_is_an_error(
    body: str, reason: str, opened: Forwards, script: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has kubectl's reason, and no process stays."""
    script(body)
    monkeypatch.setattr(forwards_module, "OPEN_S", 0.3)
    with pytest.raises(ReleaseError, match=f"kubectl port-forward to a failed: {reason}"):
        opened.url("a", 6072)
    assert opened._open == {}

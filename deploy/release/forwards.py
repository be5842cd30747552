"""Reaches pods through `kubectl port-forward`.

The API server's proxy would do without a process for each pod, but it keeps the Authorization header for itself, so
that an edge would get no API key; and network policies apply to it, while a forwarded port ends inside the pod.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO

from deploy.release.errors import ReleaseError
from deploy.release.kubectl import Kubectl

#: Seconds for kubectl to forward a port, and to end.
OPEN_S, CLOSE_S = 10.0, 5.0
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")


@dataclass
class _Forward:
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    url: str = ""


class Forwards:
    """Open ports of pods, one process each, which end with `close`.

    Args:
        kubectl: kubectl in the pods' namespace.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._open: dict[str, _Forward] = {}

    def url(self, pod: str, port: int) -> str:
        """Return a URL on this machine that leads to a pod's port.

        Raises:
            ReleaseError: If the port cannot be forwarded.
        """
        forward = self._open.get(pod)
        if forward is None or forward.process.poll() is not None:
            self._close(pod)
            forward = self._open[pod] = self._start(pod, port)
            forward.url = f"http://127.0.0.1:{self._local_port(pod, forward)}"
        return forward.url

    def keep(self, pods: Collection[str]) -> None:
        """Close the ports of pods that no longer exist."""
        for pod in self._open.keys() - set(pods):
            self._close(pod)

    def close(self) -> None:
        """Close all ports."""
        self.keep(())

    def _start(self, pod: str, port: int) -> _Forward:
        command = self._kubectl.command("port-forward", "--address", "127.0.0.1", f"pod/{pod}", f":{port}")
        # A file, because kubectl prints a line for each connection, and nobody would empty a pipe.
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 - ours
        return _Forward(process, output)

    def _local_port(self, pod: str, forward: _Forward) -> int:
        deadline_s = time.monotonic() + OPEN_S
        while True:
            ended = forward.process.poll() is not None
            forward.output.seek(0)
            output = forward.output.read()
            if match := _FORWARDING.search(output):
                return int(match[1])
            if ended or time.monotonic() > deadline_s:
                self._close(pod)
                reason = output.decode(errors="replace").strip().rpartition("\n")[2] or "no response"
                raise ReleaseError(f"kubectl port-forward to {pod} failed: {reason}")
            time.sleep(0.02)

    def _close(self, pod: str) -> None:
        forward = self._open.pop(pod, None)
        if forward is None:
            return
        forward.process.terminate()
        try:
            forward.process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            forward.process.kill()
            forward.process.wait()
        forward.output.close()

"""An HTTP edge as users run it: `fraud-stream http` in a process of its own, with a client."""

import functools

import httpx
import psutil

from tests.support.worker_process import WorkerProcess


class HttpProcess(WorkerProcess):
    """An HTTP edge process that ends no later than the test."""

    command = "http"

    def __exit__(self, *arguments: object) -> None:
        if "client" in vars(self):
            self.client.close()
        super().__exit__(*arguments)

    @functools.cached_property
    def client(self) -> httpx.Client:
        """An HTTP client for this edge."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.web_port}", timeout=10)

    def open_connections(self) -> int:
        """Return the number of files and sockets that the process has open."""
        return psutil.Process(self.pid).num_fds()

    def is_alive(self) -> bool:
        """Return whether /healthz responds."""
        try:
            return self.client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def predict(self, body: bytes, ack: str = "kafka") -> httpx.Response:
        """Return the response to one prediction request."""
        return self.client.post(f"/predict?ack={ack}", content=body, headers={"Content-Type": "application/json"})

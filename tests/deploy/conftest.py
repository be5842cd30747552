"""Fixtures of the release tool's tests."""

from collections.abc import Iterator
from threading import Thread

import pytest

from tests.deploy.release.stand_in_pod import StandInPod


@pytest.fixture
def edge() -> Iterator[str]:
    """The URL of a server that responds as an edge does."""
    with StandInPod() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()

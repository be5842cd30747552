"""Moving traffic between two servers of a real HAProxy."""

import os
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest

from deploy.release import haproxy
from deploy.release.errors import ReleaseError
from deploy.release.haproxy import command, drain, route_to, serving
from deploy.release.tracks import Track
from stream.local.program_process import ProgramProcess
from stream.runtime.ports import free_port, free_ports
from tests.support.tool import tool
from tests.support.until import until

CONFIG = Path(__file__).parents[3] / "deploy" / "release" / "haproxy.cfg"


def _server(name: str) -> ThreadingHTTPServer:
    class Edge(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Edge)


@pytest.fixture
def edges() -> Iterator[dict[Track, int]]:
    """The ports of two edges, which respond with their track's name."""
    servers = {track: _server(track) for track in Track}
    threads = [Thread(target=each.serve_forever, args=(0.05,)) for each in servers.values()]
    for thread in threads:
        thread.start()
    yield {track: server.server_address[1] for track, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


@pytest.fixture
def balancer(edges: dict[Track, int], tmp_path: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """The URL of HAProxy with the project's configuration, and the address of its runtime API."""
    http, admin = free_ports(2)
    variables = {f"FRAUD_LB_{track.upper()}": f"127.0.0.1:{port}" for track, port in edges.items()}
    variables |= {"FRAUD_LB_HTTP": f"127.0.0.1:{http}", "FRAUD_LB_ADMIN": f"127.0.0.1:{admin}"}
    with ProgramProcess([tool("haproxy"), "-db", "-f", str(CONFIG)], tmp_path / "haproxy.log", os.environ | variables):
        until(lambda: _is_up(admin))
        yield f"http://127.0.0.1:{http}/", ("127.0.0.1", admin)


def _is_up(admin: int) -> bool:
    try:
        return command(("127.0.0.1", admin), "show servers state edge").count("edge") >= len(Track)
    except ReleaseError:
        return False


def _responses(url: str, count: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(count):
        with urlopen(url, timeout=5) as response:  # noqa: S310 - a server of this test
            found[response.read().decode()] += 1
    return found


def _readdress(admin: tuple[str, int], port: int) -> None:
    """Give green another port. HAProxy confirms this change with words."""
    with pytest.raises(ReleaseError, match="port changed"):
        command(admin, f"set server edge/green addr 127.0.0.1 port {port}")


def test_requests_go_to_one_track(balancer: tuple[str, tuple[str, int]]) -> None:
    """After each move, all new requests go to the chosen track, and none fails."""
    url, admin = balancer
    for track in (Track.BLUE, Track.GREEN, Track.BLUE):
        route_to(admin, track)
        assert _responses(url, 20) == {track: 20}
        assert serving(admin) is track


def test_traffic_stays_where_it_is_if_the_other_track_is_down(
    balancer: tuple[str, tuple[str, int]], edges: dict[Track, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that are moved to a server that HAProxy cannot reach would fail."""
    monkeypatch.setattr(haproxy, "UP_S", 0.5)
    url, admin = balancer
    route_to(admin, Track.BLUE)
    _readdress(admin, free_port())
    until(lambda: " green 127.0.0.1 0 " in command(admin, "show servers state edge"))
    with pytest.raises(ReleaseError, match="cannot reach the edge of green"):
        route_to(admin, Track.GREEN)
    assert _responses(url, 20) == {Track.BLUE: 20}
    _readdress(admin, edges[Track.GREEN])
    monkeypatch.setattr(haproxy, "UP_S", 10.0)
    route_to(admin, Track.GREEN)
    assert _responses(url, 20) == {Track.GREEN: 20}


def test_a_drained_track_gets_no_requests(balancer: tuple[str, tuple[str, int]]) -> None:
    """A new edge is drained before it starts, so that no request reaches it before its smoke tests."""
    url, admin = balancer
    drain(admin, Track.GREEN)
    assert _responses(url, 20) == {Track.BLUE: 20}
    assert serving(admin) is Track.BLUE


def test_its_own_health_does_not_depend_on_the_edges(balancer: tuple[str, tuple[str, int]]) -> None:
    """Otherwise it would be restarted while the edges are."""
    url, admin = balancer
    for track in Track:
        drain(admin, track)
    with urlopen(f"{url}balancer/healthz", timeout=5) as response:  # noqa: S310 - a server of this test
        assert response.status == 200


def test_a_refused_command_is_an_error(balancer: tuple[str, tuple[str, int]]) -> None:
    """HAProxy's own words are in the error."""
    with pytest.raises(ReleaseError, match="HAProxy refuses 'set server edge/red state ready'"):
        command(balancer[1], "set server edge/red state ready")


def test_a_missing_balancer_is_an_error() -> None:
    """The error names the address."""
    port = free_port()
    with pytest.raises(ReleaseError, match=f"at 127.0.0.1:{port} does not respond"):
        route_to(("127.0.0.1", port), Track.BLUE)


def test_no_serving_track_is_an_error(balancer: tuple[str, tuple[str, int]]) -> None:
    """With two tracks that would get requests, or none, a release must not guess."""
    _, admin = balancer
    until(lambda: command(admin, "show servers state edge").count(" 2 0 ") >= len(Track))
    with pytest.raises(ReleaseError, match="sends requests to blue and green"):
        serving(admin)
    for track in Track:
        command(admin, f"set server edge/{track} state drain")
    with pytest.raises(ReleaseError, match="sends requests to neither track"):
        serving(admin)

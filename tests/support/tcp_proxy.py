"""A proxy between Kafka clients and a broker that can hold, drop or lose responses, and cut connections.

The broker must advertise the proxy's port; otherwise clients bypass the proxy after their first request:

    port = free_port()
    with LocalBroker(advertised_port=port) as broker, TcpProxy(port, broker.port) as proxy:
        ...
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Self

#: API key of the request that commits or aborts a transaction, https://kafka.apache.org/protocol#protocol_api_keys
END_TXN = 26
#: API key of the request that announces to the transaction coordinator that offsets will be added to a transaction.
ADD_OFFSETS_TO_TXN = 25
#: API key of the request that adds consumed offsets to a transaction.
TXN_OFFSET_COMMIT = 28
#: API key of the request that carries messages.
PRODUCE = 0


class TcpProxy:
    """Forwards Kafka frames between clients and one broker, both on 127.0.0.1, and injects faults on request.

    Args:
        port: Port to which clients connect.
        target: Port on which the broker listens.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._accepting = True
        self._responses_pass = threading.Event()
        self._responses_pass.set()
        self._lose_next: int | None = None
        self._muted: int | None = None
        self._lost = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hold(self) -> None:
        """Hold every response from now on. Held responses arrive after `release`, but never after `cut`."""
        self._responses_pass.clear()

    def release(self) -> None:
        """Forward responses again, starting with the held responses."""
        self._responses_pass.set()

    def cut(self) -> None:
        """Close every connection; held responses are lost. Clients may connect again."""
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _close(end)

    def refuse(self) -> None:
        """Close every connection, and close each new connection at once."""
        with self._lock:
            self._accepting = False
        self.cut()

    def accept(self) -> None:
        """Let clients connect again after `refuse`."""
        with self._lock:
            self._accepting = True

    def lose_response(self, api_key: int) -> None:
        """Lose the next response to a request of this kind: the broker executes it, the client loses its connection."""
        self._lost.clear()
        self._lose_next = api_key

    def wait_lost(self, timeout: float) -> bool:
        """Wait until `lose_response` has lost a response; return False after `timeout` seconds."""
        return self._lost.wait(timeout)

    def mute(self, api_key: int | None) -> None:
        """Drop responses to requests of this kind, on connections that stay open; None ends the dropping."""
        self._muted = api_key

    def close(self) -> None:
        """Stop listening and close every connection."""
        _close(self._listener)
        self.refuse()
        self.release()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    broker = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # the broker is unavailable, and so is the proxy
                    _close(client)
                    continue
                with self._lock:
                    if not self._accepting:
                        _close(client)
                        _close(broker)
                        continue
                    self._open |= {client, broker}
                for end in (client, broker):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                awaited: dict[bytes, int] = {}
                for forward in (self._forward_requests, self._forward_responses):
                    threading.Thread(target=forward, args=(client, broker, awaited), daemon=True).start()

    def _forward_requests(self, client: socket.socket, broker: socket.socket, awaited: dict[bytes, int]) -> None:
        with self._both_ends(client, broker):
            while frame := _read_frame(client):
                # A request starts with API key and version, 2 bytes each, then 4 bytes that its response repeats.
                awaited[frame[8:12]] = int.from_bytes(frame[4:6])
                broker.sendall(frame)

    def _forward_responses(self, client: socket.socket, broker: socket.socket, awaited: dict[bytes, int]) -> None:
        with self._both_ends(client, broker):
            while frame := _read_frame(broker):
                self._responses_pass.wait()
                api_key = awaited.pop(frame[4:8], -1)
                if api_key == self._lose_next:
                    self._lose_next = None
                    self._lost.set()
                    return
                if api_key != self._muted:
                    client.sendall(frame)

    @contextlib.contextmanager
    def _both_ends(self, client: socket.socket, broker: socket.socket) -> Iterator[None]:
        """Close both ends when one is closed: neither direction works without the other."""
        try:
            with contextlib.suppress(OSError):
                yield
        finally:
            with self._lock:
                self._open -= {client, broker}
            _close(client)
            _close(broker)


def _read_frame(source: socket.socket) -> bytes:
    """Return the next frame, including its 4-byte length prefix; empty when the connection has ended."""
    header = source.recv(4, socket.MSG_WAITALL)
    if len(header) < 4:
        return b""
    (size,) = struct.unpack(">i", header)
    body = source.recv(size, socket.MSG_WAITALL)
    return header + body if len(body) == size else b""


def _close(end: socket.socket) -> None:
    """Shut a socket down before closing it, which wakes up a thread that waits in it."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

#!/usr/bin/env python3
"""Send Kafka's request ApiVersions (version 0) and check the response, without the second that a JVM takes to start."""

import socket
import struct
import sys

API_VERSIONS, VERSION, CORRELATION_ID, NO_CLIENT_ID = 18, 0, 1, -1

if __name__ == "__main__":
    _, _, address = sys.argv  # --bootstrap-server HOST:PORT
    host, _, port = address.partition(":")
    request = struct.pack(">hhih", API_VERSIONS, VERSION, CORRELATION_ID, NO_CLIENT_ID)
    with socket.create_connection((host, int(port)), timeout=5) as broker, broker.makefile("rb") as responses:
        broker.sendall(struct.pack(">i", len(request)) + request)
        _size, correlation_id, error = struct.unpack(">iih", responses.read(10))
    sys.exit(f"{address} responded with error {error}" if (correlation_id, error) != (CORRELATION_ID, 0) else 0)

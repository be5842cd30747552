"""A real Kafka on this machine: one KRaft node in a child process, for tests, the demo and `fraud-stream kafka`."""

import contextlib
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import KafkaError
from stream.local.broker_config import LOGGING, server_properties
from stream.local.distribution import Distribution, fetch_distribution
from stream.local.owned_process import OwnedProcess
from stream.runtime.ports import free_ports

#: Seconds within which a broker must respond. A start takes 3 s on two idle cores, and 30 s if four run at once.
_START_TIMEOUT_S = 120.0
#: Seconds that a broker has to close its logs, which takes about 1 s.
_STOP_GRACE_S = 20.0
#: Log line that Kafka writes once every listener is bound to its port.
_STARTED = "Kafka Server started"
_CLUSTER_ID = "fraud-stream-local-00A"
# The format step takes one second, so optimising its code would not pay off.
_FORMAT_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
# Measured on 2 cores with 780-byte messages, 2,000 per transaction: 155 k/s with G1, 110-130 k/s with the parallel or
# the serial collector.
_LASTING_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
# In the first minutes, the second JIT stage takes more than half of one core without any gain yet.
_BRIEF_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class LocalBroker:
    """A single-node Kafka in a child process that ends with its owner at the latest.

    `start` may follow `stop` or `kill`, with the same ports and data. Leaving the context stops the broker permanently.

    Args:
        directory: Directory for data, configuration and log; by default a temporary directory, removed at the end.
        port: Port on which the broker listens for clients; by default a free port.
        users: Passwords of the clients' users (SASL_PLAINTEXT, mechanism PLAIN); by default there is no authentication.
        with_acls: Whether users may do only what ACLs allow. ACLs are created at the address `direct`.
        advertised_port: Port to advertise to clients that connect through a proxy; by default the broker's port.
        brief: Whether the broker runs for only a few minutes, so that the JVM should compile quickly and optimise less.
        on_step: Called with a description of each step, for a progress display.

    Attributes:
        port: Port on 127.0.0.1 on which the broker listens for clients.
        bootstrap: Bootstrap server for clients, host:port.
        direct: Bootstrap server that bypasses the proxy and authentication, for observers.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        port: int | None = None,
        users: Mapping[str, str] | None = None,
        with_acls: bool = False,
        advertised_port: int | None = None,
        brief: bool = False,
        on_step: Callable[[str], object] = lambda _: None,
    ) -> None:
        free, internal, controller = free_ports(3)
        self.port = port or free
        self.bootstrap = f"127.0.0.1:{advertised_port or self.port}"
        self.direct = f"127.0.0.1:{internal}"
        self._controller = f"127.0.0.1:{controller}"
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if directory is None:
            # The temporary directory, which is removed by `close` or when Python exits.
            self._temporary = tempfile.TemporaryDirectory(prefix="kafka-", ignore_cleanup_errors=True)
            directory = Path(self._temporary.name)
        self._directory = directory.absolute()
        self._log_start = 0
        self._users = users
        self._with_acls = with_acls
        self._jvm = _BRIEF_JVM if brief else _LASTING_JVM
        self._on_step = on_step
        self._process: OwnedProcess | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the broker, or None before `start` and after `stop`."""
        return self._process.pid if self._process else None

    @property
    def returncode(self) -> int | None:
        """Exit code of a broker that exited by itself, or None while it is running and after `stop`."""
        return self._process.returncode if self._process else None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the broker and return when it accepts clients.

        Raises:
            KafkaError: If Kafka cannot be downloaded, or the broker exits early or does not respond in time.
        """
        self._on_step("Fetching Kafka")
        distribution = fetch_distribution()
        self._directory.mkdir(parents=True, exist_ok=True)
        log = self._path("server.log")
        # Size of the log from earlier starts, which is skipped in the search for the reason for a failure.
        self._log_start = log.stat().st_size if log.exists() else 0
        self._path("log4j2.properties").write_text(LOGGING.format(log=log))
        self._path("server.properties").write_text(
            server_properties(
                data=self._path("data"),
                client=f"127.0.0.1:{self.port}",
                advertised=self.bootstrap,
                internal=self.direct,
                controller=self._controller,
                users=self._users,
                with_acls=self._with_acls,
            )
        )
        if not self._path("data/meta.properties").exists():
            self._on_step("Preparing Kafka's storage")
            self._format(distribution)
        self._on_step("Starting Kafka")
        command = self._command(distribution, self._jvm, "kafka.Kafka", str(self._path("server.properties")))
        self._process = OwnedProcess(command, self._path("console.log"))
        self._await_answer(self._process)

    def stop(self) -> None:
        """Shut the broker down cleanly. Its data is kept for the next `start`."""
        if self._process:
            self._process.stop(_STOP_GRACE_S)
            self._process = None

    def kill(self) -> None:
        """Kill the broker, as a power failure would. Its data is kept for the next `start`."""
        if self._process:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """Stop the broker, and remove its directory if the directory is temporary."""
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    def _path(self, name: str) -> Path:
        return self._directory / name

    def _command(self, distribution: Distribution, jvm: Sequence[str], main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._path('log4j2.properties')}"
        return [str(distribution.java), *jvm, logging, "-cp", distribution.classpath, main, *arguments]

    def _format(self, distribution: Distribution) -> None:
        arguments = ("format", "-t", _CLUSTER_ID, "-c", str(self._path("server.properties")))
        command = self._command(distribution, _FORMAT_JVM, "kafka.tools.StorageTool", *arguments)
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - Kafka's own tool
        if result.returncode:
            reason = (result.stdout + result.stderr).strip().rpartition("\n")[2]
            raise KafkaError(f"Kafka cannot use {self._directory}: {reason}; give it an empty directory")

    def _await_answer(self, process: OwnedProcess) -> None:
        # log_level 0: refused connections are expected here. By default, attempts are up to 10 s apart.
        admin = AdminClient(
            {"bootstrap.servers": self.direct, "log_level": 0, "reconnect.backoff.max.ms": 100},
        )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise KafkaError(
                    f"the local Kafka exited with code {process.returncode}: {self._failure()}; "
                    "choose another port or directory"
                )
            with contextlib.suppress(KafkaException):
                # A broker that is still fenced also responds, but lists no broker. A broker that cannot bind the
                # clients' port responds briefly on the internal port.
                if admin.list_topics(timeout=0.5).brokers and _STARTED in self._log_since_start():
                    return
            time.sleep(0.05)
        failure = self._failure()
        self.stop()
        raise KafkaError(
            f"the local Kafka did not start within {_START_TIMEOUT_S:.0f} s: {failure}; see {self._path('server.log')}"
        )

    def _failure(self) -> str:
        """Return the reason for a failed start: the first exception since this start, else the last line of output."""
        console = self._path("console.log")
        cause = re.search(r" (?:ERROR|FATAL) .*\n\S*?(\w+(?:Exception|Error): .+)", self._log_since_start())
        output = self._log_since_start() if self.returncode is None else console.read_text(errors="replace")
        return cause[1] if cause else output.strip().rpartition("\n")[2]

    def _log_since_start(self) -> str:
        log = self._path("server.log")
        return log.read_bytes()[self._log_start :].decode(errors="replace") if log.exists() else ""

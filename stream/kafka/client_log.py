"""The logger for Kafka clients, which writes librdkafka's lines to the program's log, rate-limited.

While no broker responds, librdkafka (2.16) tries its bootstrap servers again as soon as the last attempt has failed,
whatever the configured backoff: the clients of one worker then log a hundred refused connections a second.
"""

import logging
import threading
import time

#: Seconds for which a line suppresses similar lines.
INTERVAL_S = 30.0


class RateLimitedLogFilter(logging.Filter):
    """Passes one of several similar lines per interval. The next line that passes says how many were suppressed.

    Lines are similar if they are identical up to " (after ", where librdkafka reports a duration. Callable from any
    thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        # For each line: when it last passed, in time.monotonic() seconds, and how many similar lines were suppressed
        # since.
        self._passed: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record."""
        line = record.getMessage()
        kind = line.partition(" (after ")[0]
        now = time.monotonic()
        with self._lock:
            passed, suppressed = self._passed.pop(kind, (-INTERVAL_S, 0))
            if now - passed < INTERVAL_S:
                self._passed[kind] = passed, suppressed + 1
                return False
            # Lines contain client names, and clients come and go: drop old entries so that the mapping stays small.
            self._passed = {other: last for other, last in self._passed.items() if now - last[0] < 2 * INTERVAL_S}
            self._passed[kind] = now, 0
        if suppressed:
            record.msg, record.args = f"{line}; {suppressed} similar lines suppressed", ()
        return True


#: The `logger` for every Kafka client.
client_log = logging.getLogger(__name__)
client_log.addFilter(RateLimitedLogFilter())


class LastLineLog:
    """A `logger` for one Kafka client that remembers the client's last line, for an error that should name its cause.

    Attributes:
        last: The last line; empty before the first.
    """

    def __init__(self) -> None:
        self.last = ""

    def log(self, level: int, message: str, *args: object) -> None:
        """Remember a line and write it to the program's log."""
        self.last = message % args
        client_log.log(level, message, *args)

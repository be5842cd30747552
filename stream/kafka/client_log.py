"""librdkafka's log on ours, each line once in a while.

While no broker answers, librdkafka (2.16) begins at its bootstrap servers again as soon as the last attempt has failed,
whatever the wait between attempts: the clients of one worker then log a hundred refused connections a second.
"""

import logging
import threading
import time

#: Seconds for which a client's line stands for all like it.
EVERY_S = 30.0


class OnceInAWhile(logging.Filter):
    """Passes the first of like lines; the next one that it passes tells how many it left out. Callable from any thread.

    Lines are alike up to " (after ", where librdkafka says how long it took.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        # By line: when it was passed, as time.monotonic(), and how many like it were left out since.
        self._passed: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be logged."""
        line = record.getMessage()
        kind = line.partition(" (after ")[0]
        now = time.monotonic()
        with self._lock:
            passed, left_out = self._passed.pop(kind, (-EVERY_S, 0))
            if now - passed < EVERY_S:
                self._passed[kind] = passed, left_out + 1
                return False
            # Clients come and go, and their lines with them.
            self._passed = {other: last for other, last in self._passed.items() if now - last[0] < 2 * EVERY_S}
            self._passed[kind] = now, 0
        if left_out:
            record.msg, record.args = f"{line}; {left_out} like it left out", ()
        return True


#: What every client is given as its `logger`.
client_log = logging.getLogger(__name__)
client_log.addFilter(OnceInAWhile())

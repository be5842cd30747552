"""The archive's Prometheus metrics, counted once a file."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

#: Seconds: from a local disk to a large file over a slow line.
PUT_BUCKETS = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)
#: Seconds: from a file full at once to a day's outage.
DELAY_BUCKETS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 86400)


class ArchiveMetrics:
    """Everything an archive counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._files = Counter("archive_files", "Files written.", ["kind"], registry=registry)
        self._bytes = Counter("archive_bytes", "Bytes of the files written.", ["kind"], registry=registry)
        self._rows = Counter("archive_rows", "Messages in the files written.", ["kind"], registry=registry)
        self._undecodable = Counter(
            "archive_undecodable", "Of those, messages that could not be decoded.", ["kind"], registry=registry
        )
        self._put = Histogram(
            "archive_put_seconds", "To write one file.", ["kind"], buckets=PUT_BUCKETS, registry=registry
        )
        self._delay = Histogram(
            "archive_delay_seconds",
            "From a file's first message being sent to the file being there.",
            ["kind"],
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self._failures = Counter("archive_failures", "Files that could not be written at once.", registry=registry)
        self._dropped = Counter(
            "archive_dropped", "Batches and open files dropped, to be read again.", ["cause"], registry=registry
        )
        self._open = Gauge(
            "archive_open_messages", "Messages read that stand in no file yet.", ["kind"], registry=registry
        )
        self._memory = Gauge("archive_open_bytes", "What open files take in memory.", registry=registry)
        self._lag = Gauge("consumer_lag_messages", "Messages left to read.", ["kind"], registry=registry)
        self._up = Gauge("archive_up", "Whether the archive's file system answered last time.", registry=registry)

    def put(self, kind: str, *, rows: int, undecodable: int, size: int, put_s: float, delay_s: float) -> None:
        """Count a file that is there now."""
        self._files.labels(kind).inc()
        self._bytes.labels(kind).inc(size)
        self._rows.labels(kind).inc(rows)
        self._undecodable.labels(kind).inc(undecodable)
        self._put.labels(kind).observe(put_s)
        self._delay.labels(kind).observe(delay_s)

    def failed(self) -> None:
        """Count a file that could not be written, and will be tried again."""
        self._failures.inc()

    def dropped(self, cause: str, count: int = 1) -> None:
        """Count what is not written, but will be read again."""
        self._dropped.labels(cause).inc(count)

    def open(self, kind: str, messages: int) -> None:
        """Show how many messages of one kind are in open files."""
        self._open.labels(kind).set(messages)

    def memory(self, size: int) -> None:
        """Show what all open files take."""
        self._memory.set(size)

    def lag(self, kind: str, messages: int) -> None:
        """Show what is left to read of one kind."""
        self._lag.labels(kind).set(messages)

    def store(self, *, up: bool) -> None:
        """Show whether the file system answers."""
        self._up.set(up)

"""The archive's Prometheus metrics; counters are updated once per file."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

#: Buckets in seconds, from a small file on a local disk to a large file over a slow connection.
PUT_BUCKETS = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)
#: Buckets in seconds, from a file that fills immediately to an outage of a day.
DELAY_BUCKETS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 86400)


class ArchiveMetrics:
    """Metrics of one archive, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._files = Counter("archive_files", "Files written, by kind of message.", ["kind"], registry=registry)
        self._bytes = Counter("archive_bytes", "Bytes of the files written.", ["kind"], registry=registry)
        self._rows = Counter("archive_rows", "Messages in the files written.", ["kind"], registry=registry)
        self._undecodable = Counter(
            "archive_undecodable",
            "Undecodable messages in the files written.",
            ["kind"],
            registry=registry,
        )
        self._put = Histogram(
            "archive_put_seconds", "Seconds to write one file.", ["kind"], buckets=PUT_BUCKETS, registry=registry
        )
        self._delay = Histogram(
            "archive_delay_seconds",
            "Seconds from sending a file's first message until the file is written.",
            ["kind"],
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self._failures = Counter(
            "archive_failures", "Failed attempts to write a file; each is retried.", registry=registry
        )
        self._dropped = Counter(
            "archive_dropped",
            "Batches and open files dropped, to be read again, by cause: stale, moved or failed.",
            ["cause"],
            registry=registry,
        )
        self._open_messages = Gauge(
            "archive_open_messages",
            "Messages that have been read but are not in a written file yet.",
            ["kind"],
            registry=registry,
        )
        self._open_bytes = Gauge("archive_open_bytes", "Memory used by open files, in bytes.", registry=registry)
        self._lag = Gauge("consumer_lag_messages", "Messages left to read.", ["kind"], registry=registry)
        self._up = Gauge(
            "archive_up", "1 if the archive's file system answered the last call, 0 if not.", registry=registry
        )

    def count_file(self, kind: str, *, rows: int, undecodable: int, size: int, put_s: float, delay_s: float) -> None:
        """Count a file that was written."""
        self._files.labels(kind).inc()
        self._bytes.labels(kind).inc(size)
        self._rows.labels(kind).inc(rows)
        self._undecodable.labels(kind).inc(undecodable)
        self._put.labels(kind).observe(put_s)
        self._delay.labels(kind).observe(delay_s)

    def count_failure(self) -> None:
        """Count a failed attempt to write a file."""
        self._failures.inc()

    def count_dropped(self, cause: str, count: int = 1) -> None:
        """Count batches or open files that were dropped and whose messages are read again."""
        self._dropped.labels(cause).inc(count)

    def show_open_messages(self, kind: str, messages: int) -> None:
        """Export how many messages of one kind are in open files."""
        self._open_messages.labels(kind).set(messages)

    def show_open_bytes(self, size: int) -> None:
        """Export how much memory all open files use, in bytes."""
        self._open_bytes.set(size)

    def lag(self, kind: str, messages: int) -> None:
        """Export how many messages of one kind are left to read."""
        self._lag.labels(kind).set(messages)

    def store(self, *, up: bool) -> None:
        """Export whether the file system is responding."""
        self._up.set(up)

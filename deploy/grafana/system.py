"""System dashboard: CPU, memory, disk, HTTP, ledger and archive."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph

_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'


def _p95(metric: str, by: str) -> str:
    return f"histogram_quantile(0.95, sum by ({by}, le) (rate({metric}_bucket[$__rate_interval])))"


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def board() -> Dashboard:
    """Return the system dashboard."""
    return make_board(
        "system",
        "Fraud stream: system",
        {
            "Machine and processes": [
                graph(
                    "CPU",
                    "Number of cores that each process uses, and share of all cores in use.",
                    {
                        "{{job}} {{instance}}": "rate(process_cpu_seconds_total[$__rate_interval])",
                        "share of the machine": '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
                    },
                ),
                graph(
                    "Memory",
                    "Resident memory of each process, and memory available on the machine.",
                    {
                        "{{job}} {{instance}}": "process_resident_memory_bytes",
                        "available": "node_memory_MemAvailable_bytes",
                    },
                    unit="bytes",
                ),
                graph(
                    "Free disk space",
                    "Free share of each file system. Kafka stops when its own file system is full.",
                    {"{{mountpoint}}": f"node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes"},
                    unit="percentunit",
                ),
                graph(
                    "Open file descriptors",
                    "File descriptors in use, including connections, as a share of each process's limit.",
                    {"{{job}} {{instance}}": "process_open_fds / process_max_fds"},
                    unit="percentunit",
                ),
                graph(
                    "Up",
                    "1 if the target is responding to Prometheus, 0 if not.",
                    {"{{job}} {{instance}}": "up"},
                ),
                graph(
                    "Uptime",
                    "Time since each process started, which shows processes that keep restarting.",
                    {"{{job}} {{instance}}": "time() - process_start_time_seconds"},
                    unit="s",
                ),
            ],
            "HTTP": [
                graph(
                    "Response times",
                    "95th percentile of the response time, by route.",
                    {"{{route}}": _p95("http_request_duration_seconds", "route")},
                    unit="s",
                ),
                graph(
                    "Requests",
                    "Requests per second, by route and status.",
                    {"{{route}} {{status}}": _rate("http_requests_total", "route, status")},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Error rate",
                    "Share of responses with client errors (4xx) and server errors (5xx).",
                    {
                        "4xx": 'sum(rate(http_requests_total{status=~"4.."}[$__rate_interval])) '
                        "/ sum(rate(http_requests_total[$__rate_interval]))",
                        "5xx": '(sum(rate(http_requests_total{status=~"5.."}[$__rate_interval])) or vector(0)) '
                        "/ sum(rate(http_requests_total[$__rate_interval]))",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Transactions in flight",
                    "Transactions received over HTTP that have no response yet. Above FRAUD_HTTP_MAX_IN_FLIGHT, "
                    "requests get status 429.",
                    {"{{instance}}": "http_in_flight_transactions"},
                ),
                graph(
                    "Unrecorded decisions",
                    "Decisions sent with ack=none that Kafka did not accept, per hour.",
                    {"{{instance}}": "increase(http_unrecorded_decisions_total[1h])"},
                ),
                graph(
                    "Batch size",
                    "Average number of transactions per batch (worker) or model run (HTTP), which grows with load.",
                    {
                        "{{job}}": f"{_rate('batch_size_transactions_sum', 'job')} "
                        f"/ {_rate('batch_size_transactions_count', 'job')}"
                    },
                ),
            ],
            "Ledger": [
                graph(
                    "Rows written",
                    "New rows per second, by kind of message.",
                    {"{{kind}}": _rate("ledger_rows_total", "kind")},
                    unit="wps",
                ),
                graph(
                    "Repeated messages",
                    "Messages per second whose key already has a row in the ledger.",
                    {"{{kind}}": _rate("ledger_repeated_total", "kind")},
                    unit="reqps",
                ),
                graph(
                    "Write delay",
                    "95th percentile of the time to process a batch, and of the time from sending the batch's newest "
                    "message to committing the batch.",
                    {
                        "batch: {{kind}}": _p95("ledger_batch_seconds", "kind"),
                        "delay: {{kind}}": _p95("ledger_delay_seconds", "kind"),
                    },
                    unit="s",
                ),
                graph(
                    "Age of the watermark",
                    "Time since the event time up to which history is complete.",
                    {"{{instance}}": "time() - ledger_watermark_timestamp_seconds"},
                    unit="s",
                ),
                graph(
                    "Database",
                    "1 while the database is responding, and number of batches per hour that had to be read again.",
                    {
                        "responding": "min(ledger_database_up)",
                        "dropped: {{cause}}": "sum by (cause) (increase(ledger_batches_dropped_total[1h]))",
                    },
                ),
                graph(
                    "Rows deleted by retention",
                    "Rows deleted per second because their retention period has ended.",
                    {"{{kind}}": _rate("ledger_deleted_total", "kind")},
                    unit="wps",
                ),
            ],
            "Archive": [
                graph(
                    "Messages written",
                    "Messages written per second, and undecodable messages among them.",
                    {
                        "{{kind}}": _rate("archive_rows_total", "kind"),
                        "undecodable: {{kind}}": _rate("archive_undecodable_total", "kind"),
                    },
                    unit="wps",
                ),
                graph(
                    "Files",
                    "Bytes written per second, and files written per hour.",
                    {
                        "bytes/s, {{kind}}": _rate("archive_bytes_total", "kind"),
                        "files, {{kind}}": "sum by (kind) (increase(archive_files_total[1h]))",
                    },
                ),
                graph(
                    "Open files",
                    "Number of messages in memory that are not in a written file yet, and the memory they use, "
                    "in bytes.",
                    {"{{kind}}": "sum by (kind) (archive_open_messages)", "bytes": "sum(archive_open_bytes)"},
                ),
                graph(
                    "Archive delay",
                    "95th percentile of the time to write a file, and of the time from sending the file's first "
                    "message until the file is written.",
                    {
                        "put: {{kind}}": _p95("archive_put_seconds", "kind"),
                        "delay: {{kind}}": _p95("archive_delay_seconds", "kind"),
                    },
                    unit="s",
                ),
                graph(
                    "File system",
                    "1 while the file system is responding; failed attempts to write a file per hour, and "
                    "batches per hour that had to be read again.",
                    {
                        "responding": "min(archive_up)",
                        "failures": "sum(increase(archive_failures_total[1h]))",
                        "dropped: {{cause}}": "sum by (cause) (increase(archive_dropped_total[1h]))",
                    },
                ),
            ],
        },
    )

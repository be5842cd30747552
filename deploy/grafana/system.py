"""The machine and the programs on it: processor, memory, disk, HTTP, Kafka, ledger, archive."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph

_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'


def _p95(metric: str, by: str) -> str:
    return f"histogram_quantile(0.95, sum by ({by}, le) (rate({metric}_bucket[$__rate_interval])))"


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def board() -> Dashboard:
    """Return it."""
    return make_board(
        "system",
        "Fraud stream: system",
        {
            "Machine and processes": [
                graph(
                    "Processor",
                    "Cores that each process uses, and the share of all cores that is busy.",
                    {
                        "{{job}} {{instance}}": "rate(process_cpu_seconds_total[$__rate_interval])",
                        "machine, share": '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
                    },
                ),
                graph(
                    "Memory",
                    "Resident memory of each process, and what the machine has left.",
                    {
                        "{{job}} {{instance}}": "process_resident_memory_bytes",
                        "left": "node_memory_MemAvailable_bytes",
                    },
                    unit="bytes",
                ),
                graph(
                    "Disk left",
                    "Share of each file system. Kafka stops when its own is full.",
                    {"{{mountpoint}}": f"node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes"},
                    unit="percentunit",
                ),
                graph(
                    "Files open",
                    "Share of what each process may open, connections included.",
                    {"{{job}} {{instance}}": "process_open_fds / process_max_fds"},
                    unit="percentunit",
                ),
                graph(
                    "Up",
                    "Whether each target answers Prometheus.",
                    {"{{job}} {{instance}}": "up"},
                ),
                graph(
                    "Time since the start",
                    "A process that begins again and again is seen here.",
                    {"{{job}} {{instance}}": "time() - process_start_time_seconds"},
                    unit="s",
                ),
            ],
            "HTTP": [
                graph(
                    "API response times",
                    "95th percentile by route.",
                    {"{{route}}": _p95("http_request_duration_seconds", "route")},
                    unit="s",
                ),
                graph(
                    "Requests",
                    "A second, by route and status.",
                    {"{{route}} {{status}}": _rate("http_requests_total", "route, status")},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Error rate",
                    "Share of responses that are the sender's fault (4xx) and ours (5xx).",
                    {
                        "4xx": 'sum(rate(http_requests_total{status=~"4.."}[$__rate_interval])) '
                        "/ sum(rate(http_requests_total[$__rate_interval]))",
                        "5xx": '(sum(rate(http_requests_total{status=~"5.."}[$__rate_interval])) or vector(0)) '
                        "/ sum(rate(http_requests_total[$__rate_interval]))",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Waiting to be scored",
                    "At most FRAUD_HTTP_MAX_IN_FLIGHT; beyond it senders get 429.",
                    {"{{instance}}": "http_in_flight_transactions"},
                ),
                graph(
                    "Told and not recorded",
                    "Decisions told with ack=none that Kafka did not take.",
                    {"{{instance}}": "increase(http_unrecorded_decisions_total[1h])"},
                ),
                graph(
                    "Batch size",
                    "Transactions in a batch (worker) or a model run (HTTP), on average. It grows with load by itself.",
                    {
                        "{{job}}": f"{_rate('batch_size_transactions_sum', 'job')} "
                        f"/ {_rate('batch_size_transactions_count', 'job')}"
                    },
                ),
            ],
            "Ledger": [
                graph(
                    "Rows written", "New ones a second.", {"{{kind}}": _rate("ledger_rows_total", "kind")}, unit="wps"
                ),
                graph(
                    "Made one",
                    "Messages a second that an earlier one of their key stands for.",
                    {"{{kind}}": _rate("ledger_repeated_total", "kind")},
                    unit="reqps",
                ),
                graph(
                    "From sent to written",
                    "95th percentile: a batch's own time, and the delay of its newest message.",
                    {
                        "batch: {{kind}}": _p95("ledger_batch_seconds", "kind"),
                        "delay: {{kind}}": _p95("ledger_delay_seconds", "kind"),
                    },
                    unit="s",
                ),
                graph(
                    "Watermark's age",
                    "How far behind now history is complete, in event time.",
                    {"{{instance}}": "time() - ledger_watermark_timestamp_seconds"},
                    unit="s",
                ),
                graph(
                    "Database",
                    "1 while it answers; and batches that had to be read again.",
                    {
                        "answers": "min(ledger_database_up)",
                        "dropped: {{cause}}": "sum by (cause) (increase(ledger_batches_dropped_total[1h]))",
                    },
                ),
                graph(
                    "Deleted for their age",
                    "Rows a second.",
                    {"{{kind}}": _rate("ledger_deleted_total", "kind")},
                    unit="wps",
                ),
            ],
            "Archive": [
                graph(
                    "Messages in files",
                    "Written a second, and those of them that could not be decoded.",
                    {
                        "{{kind}}": _rate("archive_rows_total", "kind"),
                        "undecodable: {{kind}}": _rate("archive_undecodable_total", "kind"),
                    },
                    unit="wps",
                ),
                graph(
                    "Files",
                    "Bytes a second, and files in each hour.",
                    {
                        "bytes/s, {{kind}}": _rate("archive_bytes_total", "kind"),
                        "files, {{kind}}": "sum by (kind) (increase(archive_files_total[1h]))",
                    },
                ),
                graph(
                    "In no file yet",
                    "Messages in memory, and the bytes they take.",
                    {"{{kind}}": "sum by (kind) (archive_open_messages)", "bytes": "sum(archive_open_bytes)"},
                ),
                graph(
                    "From sent to filed",
                    "95th percentile: to write a file, and the delay of its first message.",
                    {
                        "put: {{kind}}": _p95("archive_put_seconds", "kind"),
                        "delay: {{kind}}": _p95("archive_delay_seconds", "kind"),
                    },
                    unit="s",
                ),
                graph(
                    "File system",
                    "1 while it answers; files that could not be written at once, and what had to be read again.",
                    {
                        "answers": "min(archive_up)",
                        "failures": "sum(increase(archive_failures_total[1h]))",
                        "dropped: {{cause}}": "sum by (cause) (increase(archive_dropped_total[1h]))",
                    },
                ),
            ],
        },
    )

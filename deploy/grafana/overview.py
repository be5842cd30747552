"""Overview dashboard: traffic, verdicts, latency, objectives, backlog and alerts."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, number, table


def board() -> Dashboard:
    """Return the overview dashboard."""
    return make_board(
        "overview",
        "Fraud stream: overview",
        {
            "Traffic and verdicts": [
                graph(
                    "Traffic",
                    "Transactions completed per second, on the stream (worker) and over HTTP.",
                    {"{{job}} {{outcome}}": "job_outcome:prediction_requests:rate5m"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Verdicts",
                    "Decisions per second, by verdict.",
                    {"{{verdict}}": "sum by (verdict) (rate(fraud_predictions_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Fraud detection rate",
                    "Share of transactions reviewed or declined over the last hour and over the last day. The alerts "
                    "AlertRateJump and AlertRateDrop compare the two rates.",
                    {
                        "{{job}}, hour": "job:alerted:ratio_rate1h",
                        "{{job}}, day": "job:alerted:ratio_rate1d",
                    },
                    unit="percentunit",
                ),
            ],
            "Latency and objectives": [
                graph(
                    "Latency on the stream",
                    "Time from reading a transaction to committing its decision. The objective is 99.9 % within 0.5 s.",
                    {
                        "p50": 'job:prediction_latency_seconds:p50_rate5m{job="worker"}',
                        "p95": 'job:prediction_latency_seconds:p95_rate5m{job="worker"}',
                        "p99": 'job:prediction_latency_seconds:p99_rate5m{job="worker"}',
                    },
                    unit="s",
                ),
                graph(
                    "Latency over HTTP",
                    "Time from receiving a transaction to committing its decision in Kafka.",
                    {
                        "p50": 'job:prediction_latency_seconds:p50_rate5m{job="http"}',
                        "p95": 'job:prediction_latency_seconds:p95_rate5m{job="http"}',
                        "p99": 'job:prediction_latency_seconds:p99_rate5m{job="http"}',
                    },
                    unit="s",
                ),
                graph(
                    "Burn rate of the error budget",
                    "Burn rate over the last hour, relative to the rate that the objective allows. At 1, the 30-day "
                    "budget lasts 30 days; at 14.4, it lasts two days.",
                    {
                        "HTTP: unanswered": "slo:http_unanswered:ratio_rate1h / 0.001",
                        "stream: later than 0.5 s": "slo:stream_late:ratio_rate1h / 0.001",
                    },
                ),
            ],
            "Backlog and rejected messages": [
                graph(
                    "Consumer lag",
                    "Number of messages left to read. ScoringLag is based on the time that reading them will take.",
                    {
                        "worker": "sum(consumer_lag_transactions)",
                        "{{job}} {{kind}}": "sum by (job, kind) (consumer_lag_messages)",
                    },
                ),
                graph(
                    "Dead letters",
                    "Rejected messages per second, by reason.",
                    {"{{job}} {{reason}}": "sum by (job, reason) (rate(dead_letters_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Aborted Kafka transactions",
                    "Aborts per second. The transactions in an aborted batch are read and decided again.",
                    {"{{job}}": "sum by (job) (rate(transaction_aborts_total[$__rate_interval]))"},
                    unit="reqps",
                ),
            ],
            "Alerts": [
                number(
                    "Firing alerts",
                    "Number of alerts that are firing now, by severity.",
                    'count by (severity) (ALERTS{alertstate="firing"}) or vector(0)',
                    legend="{{severity}}",
                ),
                graph(
                    "Alert history",
                    "When each alert fired, according to Prometheus.",
                    {"{{alertname}}": 'count by (alertname) (ALERTS{alertstate="firing"}) or vector(0)'},
                ),
                table(
                    "Alerts in the ledger",
                    "Notifications from Alertmanager that the ledger has stored, by alert and status.",
                    "sum by (alertname, status) (alert_history_total)",
                ),
                number(
                    "Not ready",
                    "Number of processes that are not ready, by program.",
                    "count by (job) (program_ready == 0) or 0 * count by (job) (program_ready)",
                    legend="{{job}}",
                ),
                table(
                    "Reasons",
                    "Problems that /readyz reports.",
                    "max by (job, instance, problem) (program_problem)",
                ),
            ],
        },
    )

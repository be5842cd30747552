"""What to look at first: traffic, verdicts, latency, objectives, what waits, what is wrong."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, number, table


def board() -> Dashboard:
    """Return it."""
    return make_board(
        "overview",
        "Fraud stream: overview",
        {
            "Traffic and verdicts": [
                graph(
                    "Traffic",
                    "Transactions settled a second, on the stream (worker) and over HTTP.",
                    {"{{job}} {{outcome}}": "job_outcome:prediction_requests:rate5m"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Verdicts",
                    "Decisions a second.",
                    {"{{verdict}}": "sum by (verdict) (rate(fraud_predictions_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Fraud detection rate",
                    "Share of transactions that are reviewed or declined, of the last hour and of the last day. "
                    "AlertRateJump and AlertRateDrop compare the two.",
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
                    "From reading a transaction to its commit. The objective: 99.9 % within 0.5 s.",
                    {
                        "p50": 'job:prediction_latency_seconds:p50_rate5m{job="worker"}',
                        "p95": 'job:prediction_latency_seconds:p95_rate5m{job="worker"}',
                        "p99": 'job:prediction_latency_seconds:p99_rate5m{job="worker"}',
                    },
                    unit="s",
                ),
                graph(
                    "Latency over HTTP",
                    "From receiving a transaction until its decision is committed in Kafka.",
                    {
                        "p50": 'job:prediction_latency_seconds:p50_rate5m{job="http"}',
                        "p95": 'job:prediction_latency_seconds:p95_rate5m{job="http"}',
                        "p99": 'job:prediction_latency_seconds:p99_rate5m{job="http"}',
                    },
                    unit="s",
                ),
                graph(
                    "Budget burnt",
                    "How many times faster than the objective allows, over an hour: at 1 the budget of 30 days "
                    "lasts as long, at 14.4 two days.",
                    {
                        "HTTP: unanswered": "slo:http_unanswered:ratio_rate1h / 0.001",
                        "stream: later than 0.5 s": "slo:stream_late:ratio_rate1h / 0.001",
                    },
                ),
            ],
            "What waits and what is refused": [
                graph(
                    "Consumer lag",
                    "Messages left to read. Seconds of it are what ScoringLag goes by.",
                    {
                        "worker": "sum(consumer_lag_transactions)",
                        "{{job}} {{kind}}": "sum by (job, kind) (consumer_lag_messages)",
                    },
                ),
                graph(
                    "Dead letters",
                    "Refused messages a second, by reason.",
                    {"{{job}} {{reason}}": "sum by (job, reason) (rate(dead_letters_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Delivery transactions not committed",
                    "Kafka transactions aborted a second; each is read and decided again.",
                    {"{{job}}": "sum by (job) (rate(transaction_aborts_total[$__rate_interval]))"},
                    unit="reqps",
                ),
            ],
            "Alerts": [
                number(
                    "Alerts that fire",
                    "How many now, by severity.",
                    'count by (severity) (ALERTS{alertstate="firing"}) or vector(0)',
                    legend="{{severity}}",
                ),
                graph(
                    "Alert history",
                    "When each alert fired, as Prometheus saw it.",
                    {"{{alertname}}": 'count by (alertname) (ALERTS{alertstate="firing"}) or vector(0)'},
                ),
                table(
                    "Alerts the ledger recorded",
                    "Told by Alertmanager, kept beside the decisions of the time.",
                    "sum by (alertname, status) (alert_history_total)",
                ),
                number(
                    "Not ready",
                    "Processes whose /readyz says no, by program.",
                    "count by (job) (program_ready == 0) or 0 * count by (job) (program_ready)",
                    legend="{{job}}",
                ),
                table(
                    "Why not ready",
                    "The reasons that /readyz gives.",
                    "max by (job, instance, problem) (program_problem)",
                ),
            ],
        },
    )

"""Drift dashboard: drift of features and scores, and rejected messages."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, number, table


def board() -> Dashboard:
    """Return the drift dashboard."""
    return make_board(
        "drift",
        "Fraud stream: drift and data quality",
        {
            "Drift from each model's training data": [
                graph(
                    "PSI by feature",
                    "PSI of the champion's features over the last window of rows. A PSI of 0.1 is a small change; 0.25 "
                    "means a different population.",
                    {"{{feature}}": 'max by (feature) (feature_drift_psi{role="champion"})'},
                ),
                graph(
                    "KS by feature",
                    "KS statistic of the champion's numeric features; for categorical features, the Jensen-Shannon "
                    "distance.",
                    {"{{feature}}": 'max by (feature) (feature_drift_ks{role="champion"})'},
                ),
                table(
                    "Features that drifted most",
                    "The ten largest PSI values over all models in a role.",
                    "topk(10, max by (role, version, feature) (feature_drift_psi))",
                ),
                graph(
                    "Prediction drift",
                    "PSI and KS statistic of each model's scores.",
                    {
                        "PSI, {{role}} {{version}}": "max by (role, version) (prediction_drift_psi)",
                        "KS, {{role}} {{version}}": "max by (role, version) (prediction_drift_ks)",
                    },
                ),
                graph(
                    "Alarms",
                    "Drift alarms by column; an alarm requires drift in two consecutive windows.",
                    {"{{column}}": "sum by (column) (drift_alarms_total)"},
                ),
                graph(
                    "Windows",
                    "Filled share of the open window, and number of windows closed per hour.",
                    {
                        "{{role}} {{version}}, filled": "max by (role, version) (drift_window_fill)",
                        "closed": "sum(increase(drift_reports_total[1h]))",
                    },
                ),
            ],
            "Data quality": [
                graph(
                    "Dead letters by reason",
                    "Rejected transactions per second; docs/delivery.md explains the reasons.",
                    {"{{reason}}": 'sum by (reason) (rate(dead_letters_total{job="worker"}[$__rate_interval]))'},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Share rejected",
                    "Share of transactions rejected over the last ten minutes. The alert DeadLetters fires above 1 %.",
                    {"{{job}}": "job:dead_lettered:ratio_rate10m"},
                    unit="percentunit",
                ),
                table(
                    "Unknown features",
                    "Features that are sent but that no model in a role uses, counted since the last role change.",
                    "sum by (feature) (unknown_features)",
                ),
                graph(
                    "Rejected over HTTP",
                    "Transactions rejected over HTTP per second, by reason.",
                    {"{{reason}}": "sum by (reason) (rate(http_refusals_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Unmatched labels and future event times",
                    "Labels per second that arrive before a decision, and event times per second too far ahead of the "
                    "clock.",
                    {
                        "labels without decision": "sum(rate(ledger_labels_unknown_total[$__rate_interval]))",
                        "event times ahead of the clock": "sum(rate(ledger_event_times_ahead_total[$__rate_interval]))",
                    },
                    unit="reqps",
                ),
                number(
                    "Drift monitor",
                    "Number of workers that run the drift monitor (1, or 0 if it is off), and number of counts that "
                    "it has rejected.",
                    'label_replace(sum(drift_elected), "is", "monitors", "", "") '
                    'or label_replace(sum(drift_counts_refused_total), "is", "rejected counts", "", "")',
                    legend="{{is}}",
                ),
            ],
        },
    )

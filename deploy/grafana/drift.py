"""What comes in: how far features and scores have moved, and what is wrong with single messages."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, number, table


def board() -> Dashboard:
    """Return it."""
    return make_board(
        "drift",
        "Fraud stream: drift and data quality",
        {
            "Drift, against what each model was trained on": [
                graph(
                    "PSI by feature",
                    "Of the champion's features, over the last window's worth of rows. 0.1 is some change, 0.25 "
                    "another population.",
                    {"{{feature}}": 'max by (feature) (feature_drift_psi{role="champion"})'},
                ),
                graph(
                    "KS by feature",
                    "The largest distance of the distribution functions; of categories the Jensen-Shannon distance.",
                    {"{{feature}}": 'max by (feature) (feature_drift_ks{role="champion"})'},
                ),
                table(
                    "Features furthest away",
                    "By PSI, of whoever plays.",
                    "topk(10, max by (role, version, feature) (feature_drift_psi))",
                ),
                graph(
                    "Prediction drift",
                    "PSI and KS of the scores.",
                    {
                        "PSI, {{role}} {{version}}": "max by (role, version) (prediction_drift_psi)",
                        "KS, {{role}} {{version}}": "max by (role, version) (prediction_drift_ks)",
                    },
                ),
                graph(
                    "Alarms",
                    "That went on, by column; two windows in a row make one.",
                    {"{{column}}": "sum by (column) (drift_alarms_total)"},
                ),
                graph(
                    "Windows",
                    "How full the open one is, and how many were closed in each hour.",
                    {
                        "{{role}} {{version}}, filled": "max by (role, version) (drift_window_fill)",
                        "closed": "sum(increase(drift_reports_total[1h]))",
                    },
                ),
            ],
            "Data quality": [
                graph(
                    "Dead letters by reason",
                    "Transactions that are none; docs/delivery.md explains the reasons.",
                    {"{{reason}}": 'sum by (reason) (rate(dead_letters_total{job="worker"}[$__rate_interval]))'},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Share refused",
                    "Of the transactions of ten minutes. DeadLetters fires above 1 %.",
                    {"{{job}}": "job:dead_lettered:ratio_rate10m"},
                    unit="percentunit",
                ),
                table(
                    "Unknown features",
                    "Sent by somebody and known to no model that plays; how often under the current roles.",
                    "sum by (feature) (unknown_features)",
                ),
                graph(
                    "Refused over HTTP",
                    "Transactions a second, by reason.",
                    {"{{reason}}": "sum by (reason) (rate(http_refusals_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Labels and times not believed",
                    "Labels whose transaction is not known (yet), and event times too far ahead of the clock.",
                    {
                        "labels without decision": "sum(rate(ledger_labels_unknown_total[$__rate_interval]))",
                        "event times ahead": "sum(rate(ledger_event_times_ahead_total[$__rate_interval]))",
                    },
                    unit="reqps",
                ),
                number(
                    "Who watches",
                    "How many workers keep the drift watch (1, or 0 where it is off), and counts it has left out.",
                    'label_replace(sum(drift_elected), "is", "watch", "", "") '
                    'or label_replace(sum(drift_counts_refused_total), "is", "counts left out", "", "")',
                    legend="{{is}}",
                ),
            ],
        },
    )

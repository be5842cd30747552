"""Dashboard on input: drift of features and scores, and refused messages."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, number, table


def board() -> Dashboard:
    """Return the dashboard."""
    return make_board(
        "drift",
        "Fraud stream: drift and data quality",
        {
            "Drift from each model's training data": [
                graph(
                    "PSI by feature",
                    "PSI of the champion's features over the last window of rows. 0.1 is a small change, 0.25 a "
                    "different population.",
                    {"{{feature}}": 'max by (feature) (feature_drift_psi{role="champion"})'},
                ),
                graph(
                    "KS by feature",
                    "Largest distance between the distribution functions; for categories the Jensen-Shannon distance.",
                    {"{{feature}}": 'max by (feature) (feature_drift_ks{role="champion"})'},
                ),
                table(
                    "Features that moved most",
                    "The ten largest PSI over all models in role.",
                    "topk(10, max by (role, version, feature) (feature_drift_psi))",
                ),
                graph(
                    "Prediction drift",
                    "PSI and KS of each model's scores.",
                    {
                        "PSI, {{role}} {{version}}": "max by (role, version) (prediction_drift_psi)",
                        "KS, {{role}} {{version}}": "max by (role, version) (prediction_drift_ks)",
                    },
                ),
                graph(
                    "Alarms",
                    "Drift alarms by column; an alarm takes two consecutive windows.",
                    {"{{column}}": "sum by (column) (drift_alarms_total)"},
                ),
                graph(
                    "Windows",
                    "Share of the open window that is filled, and windows closed per hour.",
                    {
                        "{{role}} {{version}}, filled": "max by (role, version) (drift_window_fill)",
                        "closed": "sum(increase(drift_reports_total[1h]))",
                    },
                ),
            ],
            "Data quality": [
                graph(
                    "Dead letters by reason",
                    "Refused transactions per second; docs/delivery.md explains the reasons.",
                    {"{{reason}}": 'sum by (reason) (rate(dead_letters_total{job="worker"}[$__rate_interval]))'},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Share refused",
                    "Share of the transactions of the last ten minutes that were refused. DeadLetters fires above 1 %.",
                    {"{{job}}": "job:dead_lettered:ratio_rate10m"},
                    unit="percentunit",
                ),
                table(
                    "Unknown features",
                    "Features that are sent but that no model in role uses; counts since the last role change.",
                    "sum by (feature) (unknown_features)",
                ),
                graph(
                    "Refused over HTTP",
                    "Refused transactions per second, by reason.",
                    {"{{reason}}": "sum by (reason) (rate(http_refusals_total[$__rate_interval]))"},
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "Unmatched labels and future event times",
                    "Labels without a decision (yet), and event times too far ahead of the clock, per second.",
                    {
                        "labels without decision": "sum(rate(ledger_labels_unknown_total[$__rate_interval]))",
                        "event times ahead of the clock": "sum(rate(ledger_event_times_ahead_total[$__rate_interval]))",
                    },
                    unit="reqps",
                ),
                number(
                    "Drift monitor",
                    "Workers that run the drift monitor (1, or 0 if it is off), and counts that it has refused.",
                    'label_replace(sum(drift_elected), "is", "monitors", "", "") '
                    'or label_replace(sum(drift_counts_refused_total), "is", "refused counts", "", "")',
                    legend="{{is}}",
                ),
            ],
        },
    )

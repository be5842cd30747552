"""Models dashboard: quality, champion against challengers, the gate, roles and retraining."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, heat, number, table

_MODEL = "{{role}} {{version}}"
_MODEL_POLICY = f"{_MODEL}, policy {{{{policy}}}}"
_BY = "sum by (role, version, policy)"
_ALERTS = '{verdict=~"review|decline"}'


def board() -> Dashboard:
    """Return the models dashboard."""
    return make_board(
        "models",
        "Fraud stream: models",
        {
            "Performance on matured transactions": [
                graph(
                    "Model performance",
                    "Precision, recall and F1 of the alerts that each model raises or would raise.",
                    {
                        f"precision, {_MODEL}": "model_precision",
                        f"recall, {_MODEL}": "model_recall",
                        f"F1, {_MODEL}": "model_f1",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Accuracy",
                    "Share of correct verdicts. With one fraud in 600, a model that approves everything has an "
                    "accuracy of 99.8 %.",
                    {_MODEL: "model_accuracy"},
                    unit="percentunit",
                ),
                graph(
                    "False positives and false negatives",
                    "Share of legitimate transactions that raise an alert, and share of frauds that are missed.",
                    {
                        f"false positives, {_MODEL}": "model_false_positive_rate",
                        f"false negatives, {_MODEL}": "model_false_negative_rate",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Outcomes",
                    "Number of matured transactions by outcome, from which the rates above are computed.",
                    {f"{{{{outcome}}}}, {_MODEL}": "model_matured_transactions"},
                ),
                graph(
                    "Waiting for labels",
                    "Number of transactions that are too recent to be evaluated.",
                    {_MODEL: "model_labels_waiting"},
                ),
                number(
                    "Age of the newest label",
                    "Time since the event time of the newest label. The alert NoRecentLabels fires after three days.",
                    "time() - max(model_newest_label_timestamp_seconds)",
                    unit="s",
                ),
            ],
            "Predictions, champion against challengers": [
                heat(
                    "Scores of the champion",
                    "Distribution of the champion's scores. Buckets are evenly spaced in log odds, because most scores "
                    "are close to 0.",
                    'sum by (le) (increase(model_score_bucket{role="champion"}[$__rate_interval]))',
                ),
                graph(
                    "Scores, 50th and 99th percentile",
                    "A challenger whose scores are distributed differently needs a different threshold.",
                    {
                        f"p50, {_MODEL_POLICY}": "histogram_quantile(0.5, sum by (role, version, policy, le) "
                        "(rate(model_score_bucket[$__rate_interval])))",
                        f"p99, {_MODEL_POLICY}": "histogram_quantile(0.99, sum by (role, version, policy, le) "
                        "(rate(model_score_bucket[$__rate_interval])))",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Alert rate: champion against challengers",
                    "Share of transactions on which the champion alerts, or on which each challenger would alert.",
                    {
                        _MODEL_POLICY: f"{_BY} (rate(model_verdicts_total{_ALERTS}[$__rate_interval])) "
                        f"/ {_BY} (rate(model_verdicts_total[$__rate_interval]))"
                    },
                    unit="percentunit",
                ),
                graph(
                    "Missing scores",
                    "Transactions per second that a model could not score. A challenger's missing scores affect no "
                    "decisions, but block its promotion.",
                    {_MODEL_POLICY: f'{_BY} (rate(model_verdicts_total{{verdict="none"}}[$__rate_interval]))'},
                    unit="reqps",
                ),
            ],
            "The gate between champion and challenger": [
                graph(
                    "Evidence",
                    "Log capital won by betting that the challenger is better. The challenger wins the test when both "
                    "measures are above -log(alpha).",
                    {"{{challenger}} {{policy}}, {{measure}}": "gate_log_capital"},
                ),
                graph(
                    "Frauds in the test",
                    "Number of matured frauds; docs/challengers.md says how many frauds a verdict needs.",
                    {"{{challenger}} {{policy}}": "gate_frauds"},
                ),
                table("Verdict of the gate", "The current verdict on each challenger.", "gate_verdict == 1"),
            ],
            "Roles": [
                table(
                    "Models in a role",
                    "Models that each process has loaded. If processes keep differing, one of them has rejected a role "
                    "change.",
                    "count by (job, role, name, version) (model_info)",
                ),
                graph(
                    "Role epoch",
                    "Each step is a change of roles: a promotion, a rollback, or a change of policy or challengers.",
                    {"{{job}} {{instance}}": "role_epoch"},
                ),
                graph(
                    "Role changes",
                    "Role changes per hour by result: `refused` means that the audit failed, `fallback` that the "
                    "champion was demoted.",
                    {"{{job}} {{result}}": "sum by (job, result) (increase(model_swaps_total[1h]))"},
                ),
                graph(
                    "Rollback monitor: statistics and bounds",
                    "Statistics since the promotion. If a statistic crosses its bound, the promotion is rolled back.",
                    {"{{statistic}}": "rollback_monitor_statistic", "{{statistic}}, bound": "rollback_monitor_bound"},
                ),
                number(
                    "Promotions rolled back", "Number of rollbacks since the workers started.", "sum(rollbacks_total)"
                ),
                number(
                    "Rollback monitor",
                    "Number of workers that run the rollback monitor (1, or 0 if it is off), and whether an operator "
                    "must act.",
                    'label_replace(sum(rollback_monitor_elected), "is", "monitors", "", "") '
                    'or label_replace(max(rollback_monitor_paged), "is", "needs an operator", "", "")',
                    legend="{{is}}",
                ),
            ],
            "Retraining": [
                graph(
                    "Retraining triggers: drift",
                    "Drift alarms by column, and the retraining requests that they caused. Requests triggered by "
                    "labels, by a schedule or by hand are on the topic `retrain-requests` only.",
                    {
                        "alarm: {{column}}": "sum by (column) (drift_alarms_total)",
                        "requests": "sum(drift_retrain_requests_total)",
                    },
                ),
                graph(
                    "Retraining triggers: recall",
                    "The champion's recall divided by its recall a week earlier. RecallDropped fires below 0.8.",
                    {
                        "{{version}}": 'model_recall{role="champion"} / model_recall{role="champion"} offset 7d',
                    },
                ),
            ],
        },
    )

"""The models: how well they decide, champion against challengers, the test between them, who plays, who is next."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.panels import board as make_board
from deploy.grafana.panels import graph, heat, number, table

_MODEL = "{{role}} {{version}}"
_PLAYER = f"{_MODEL} by policy {{{{policy}}}}"
_BY = "sum by (role, version, policy)"


def board() -> Dashboard:
    """Return it."""
    return make_board(
        "models",
        "Fraud stream: models",
        {
            "Performance, of transactions whose labels have had time to come": [
                graph(
                    "Model performance",
                    "Precision, recall and F1: of what a model alerts, or would alert.",
                    {
                        f"precision, {_MODEL}": "model_precision",
                        f"recall, {_MODEL}": "model_recall",
                        f"F1, {_MODEL}": "model_f1",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Accuracy",
                    "Share of right verdicts. With one fraud in 600 a model that approves everything has 99.8 %.",
                    {_MODEL: "model_accuracy"},
                    unit="percentunit",
                ),
                graph(
                    "False positives and false negatives",
                    "Legitimate payments alerted, of all legitimate ones; frauds missed, of all frauds.",
                    {
                        f"false positives, {_MODEL}": "model_false_positive_rate",
                        f"false negatives, {_MODEL}": "model_false_negative_rate",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Outcomes",
                    "What the rates above are made of.",
                    {f"{{{{outcome}}}}, {_MODEL}": "model_matured_transactions"},
                ),
                graph(
                    "Labels waiting",
                    "Transactions too young for a verdict on the verdict.",
                    {_MODEL: "model_labels_waiting"},
                ),
                number(
                    "Age of the newest label",
                    "LabelStarvation fires after three days.",
                    "time() - max(model_newest_label_timestamp_seconds)",
                    unit="s",
                ),
            ],
            "Predictions, champion against challengers": [
                heat(
                    "Scores of the champion",
                    "Where its scores lie; bounds are even in log odds, for most scores are close to 0.",
                    'sum by (le) (increase(model_score_bucket{role="champion"}[$__rate_interval]))',
                ),
                graph(
                    "Scores, 50th and 99th percentile",
                    "A challenger whose scores lie elsewhere wants another threshold.",
                    {
                        f"p50, {_PLAYER}": "histogram_quantile(0.5, sum by (role, version, policy, le) "
                        "(rate(model_score_bucket[$__rate_interval])))",
                        f"p99, {_PLAYER}": "histogram_quantile(0.99, sum by (role, version, policy, le) "
                        "(rate(model_score_bucket[$__rate_interval])))",
                    },
                    unit="percentunit",
                ),
                graph(
                    "Champion against challengers: share alerted",
                    "Of the same transactions; a challenger's is what it would have alerted.",
                    {
                        _PLAYER: f'{_BY} (rate(model_verdicts_total{{verdict=~"review|decline"}}[$__rate_interval])) '
                        f"/ {_BY} (rate(model_verdicts_total[$__rate_interval]))"
                    },
                    unit="percentunit",
                ),
                graph(
                    "Without a score",
                    "Transactions a second that a model could not score. A challenger's hurt nobody, and hold its "
                    "promotion up.",
                    {_PLAYER: f'{_BY} (rate(model_verdicts_total{{verdict="none"}}[$__rate_interval]))'},
                    unit="reqps",
                ),
            ],
            "The test between champion and challenger": [
                graph(
                    "Evidence",
                    "Logarithm of the capital that betting on 'the challenger is better' has made. The test is won "
                    "when both measures are above -log(alpha).",
                    {"{{challenger}} {{policy}}, {{measure}}": "gate_log_capital"},
                ),
                graph(
                    "Frauds that the test has seen",
                    "Matured ones; docs/challengers.md says how many it takes.",
                    {"{{challenger}} {{policy}}": "gate_frauds"},
                ),
                table("Verdict of the test", "The one that stands for each challenger.", "gate_verdict == 1"),
            ],
            "Who plays": [
                table(
                    "Models in a role",
                    "As each process has loaded them; where they differ for long, one refused a change.",
                    "count by (job, role, name, version) (model_info)",
                ),
                graph(
                    "Epoch of the roles",
                    "A step is a promotion, another policy or another challenger.",
                    {"{{job}} {{instance}}": "role_epoch"},
                ),
                graph(
                    "Role changes",
                    "By result, in each hour: refused ones did not pass the audit, a fallback is a champion that fell.",
                    {"{{job}} {{result}}": "sum by (job, result) (increase(model_swaps_total[1h]))"},
                ),
                graph(
                    "The guard: statistics and bounds",
                    "Since a promotion; above its bound the promotion is taken back.",
                    {"{{statistic}}": "rollback_monitor_statistic", "{{statistic}}, bound": "rollback_monitor_bound"},
                ),
                number("Promotions taken back", "Since the workers started.", "sum(rollbacks_total)"),
                number(
                    "The guard",
                    "How many workers guard (1, or 0 where it is off), and whether only people can help.",
                    'label_replace(sum(rollback_monitor_elected), "is", "guards", "", "") '
                    'or label_replace(max(rollback_monitor_paged), "is", "calls for people", "", "")',
                    legend="{{is}}",
                ),
            ],
            "What asks for another model": [
                graph(
                    "Retraining triggers: drift",
                    "Alarms that went on by column, and requests for another model that came of them. Labels, age and "
                    "people ask on `retrain-requests` too.",
                    {
                        "alarm: {{column}}": "sum by (column) (drift_alarms_total)",
                        "requests": "sum(drift_retrain_requests_total)",
                    },
                ),
                graph(
                    "Retraining triggers: recall",
                    "The champion's recall against its own of a week before: RecallFell below 0.8.",
                    {
                        "{{version}}": 'model_recall{role="champion"} / model_recall{role="champion"} offset 7d',
                    },
                ),
            ],
        },
    )

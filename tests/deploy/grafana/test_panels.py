"""Every panel and every rule, evaluated by a real Prometheus that scrapes real programs under traffic."""

import json
import time
from collections.abc import Iterator

import pytest

from deploy.grafana.boards import BOARDS, FOLDER, panel_queries, render
from tests.deploy.monitored import monitored
from tests.deploy.prometheus_process import Prometheus
from tests.deploy.promql import metrics_of
from tests.deploy.test_prometheus import ALERTS, RECORDED

#: Metrics that have no series in this test, with the reason.
NO_SERIES = {
    "rollback_monitor_statistic": "there is no promotion to monitor",
    "rollback_monitor_bound": "there is no promotion to monitor",
    "gate_log_capital": "the gate needs weeks of labels",
    "gate_frauds": "the gate needs weeks of labels",
    "gate_verdict": "the gate needs weeks of labels",
    "ledger_batches_dropped_total": "nothing fails",
    "archive_dropped_total": "nothing fails",
    "ledger_deleted_total": "no row is old enough",
    "program_problem": "every program is ready",
    "model_matured_transactions": "these decisions mature in weeks",
    "model_accuracy": "these decisions mature in weeks",
    "model_precision": "these decisions mature in weeks",
    "model_recall": "these decisions mature in weeks",
    "model_f1": "these decisions mature in weeks",
    "model_false_positive_rate": "these decisions mature in weeks",
    "model_false_negative_rate": "these decisions mature in weeks",
    "alert_history_total": "no Alertmanager runs",
}
#: Seconds to wait for all panels to have values.
TIMEOUT_S = 40.0


@pytest.fixture(scope="module")
def prometheus(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes worker, ledger, archive, edge and node exporter."""
    with monitored(bootstrap, tmp_path_factory.mktemp("monitored")) as running:
        yield running


def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    """Each panel query returns a value, except queries on metrics in `NO_SERIES`."""
    pending = {each for each in panel_queries() if not metrics_of(each.expression) & set(NO_SERIES)}
    deadline = time.monotonic() + TIMEOUT_S
    while pending and time.monotonic() < deadline:
        pending = {each for each in pending if not prometheus.values(each.expression)}
        time.sleep(0.5)
    assert pending == set()


def test_every_query_can_be_evaluated(prometheus: Prometheus) -> None:
    """All panel queries and all rules are valid, and Prometheus's own evaluation has no errors."""
    for expression in [each.expression for each in panel_queries()]:
        prometheus.values(expression)
    for rule in (ALERTS | RECORDED).values():
        prometheus.values(rule["expr"])
    assert prometheus.rule_errors() == {}


def test_metrics_without_series_are_used_and_have_none(prometheus: Prometheus) -> None:
    """An entry of `NO_SERIES` that has series, or that no panel uses, is stale."""
    used = set().union(*(metrics_of(each.expression) for each in panel_queries()))
    assert set(NO_SERIES) - used == set()
    assert [name for name in NO_SERIES if prometheus.values(name)] == []


def test_only_expected_alerts_fire(prometheus: Prometheus) -> None:
    """Healthy programs cause no alerts; only the drifted input and the rejected messages cause some."""
    firing = {name for name in ALERTS if prometheus.values(f'ALERTS{{alertname="{name}", alertstate="firing"}}')}
    assert firing <= {"DriftAlarm", "SevereDrift", "StoreDeadLetters"}


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_are_up_to_date(name: str) -> None:
    """`python -m deploy.grafana` was run after the last change, and no files from removed dashboards remain."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == render(name)
    assert {path.stem for path in FOLDER.iterdir()} == set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    """No panel overlaps another or exceeds the 24 columns, and each has a description."""
    panels = json.loads(render(name))["panels"]
    positions = [each["gridPos"] for each in panels]
    cells = [
        (x, y) for at in positions for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert [each["title"] for each in panels if each["type"] != "row" and not each["description"]] == []

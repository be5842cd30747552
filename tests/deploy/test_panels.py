"""Every panel and every rule, asked of a real Prometheus that watches real programs under traffic."""

import json
import time
from collections.abc import Iterator

import pytest

from deploy.grafana.boards import BOARDS, FOLDER, asked, rendered
from tests.deploy.monitored import monitored
from tests.deploy.prometheus_process import Prometheus
from tests.deploy.promql import metrics_of
from tests.deploy.test_prometheus import ALERTS, RECORDED

#: What cannot be seen here, and why.
UNSEEN = {
    "rollback_monitor_statistic": "there was no promotion to be watched",
    "rollback_monitor_bound": "likewise",
    "gate_log_capital": "a test between models takes weeks of labels",
    "gate_frauds": "likewise",
    "gate_verdict": "likewise",
    "ledger_batches_dropped_total": "nothing fails",
    "archive_dropped_total": "likewise",
    "ledger_deleted_total": "nothing is old",
    "program_problem": "every program is ready",
    "model_matured_transactions": "what is decided here matures in weeks",
    "model_accuracy": "likewise",
    "model_precision": "likewise",
    "model_recall": "likewise",
    "model_f1": "likewise",
    "model_false_positive_rate": "likewise",
    "model_false_negative_rate": "likewise",
    "alert_history_total": "no Alertmanager runs",
}
#: Seconds in which everything must have shown itself.
SHOWN_S = 40.0


@pytest.fixture(scope="module")
def prometheus(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with worker, ledger, archive, edge and node exporter to watch."""
    with monitored(bootstrap, tmp_path_factory.mktemp("monitored")) as watching:
        yield watching


def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    """Each of its queries gives a number, but for those that ask for what cannot be seen here."""
    wanted = {each for each in asked() if not metrics_of(each.expression) & set(UNSEEN)}
    deadline = time.monotonic() + SHOWN_S
    while wanted and time.monotonic() < deadline:
        wanted = {each for each in wanted if not prometheus.values(each.expression)}
        time.sleep(0.5)
    assert wanted == set()


def test_every_query_can_be_evaluated(prometheus: Prometheus) -> None:
    """Those of panels that show nothing here, too; and all rules, by hand and as Prometheus itself does."""
    for expression in [each.expression for each in asked()]:
        prometheus.values(expression)
    for rule in (ALERTS | RECORDED).values():
        prometheus.values(rule["expr"])
    assert prometheus.rule_errors() == {}


def test_what_is_called_unseen_is_asked_for_and_is_not_there(prometheus: Prometheus) -> None:
    """An entry of UNSEEN that can be seen, or that nobody asks for, is to be taken out."""
    sought = set().union(*(metrics_of(each.expression) for each in asked()))
    assert set(UNSEEN) - sought == set()
    assert [name for name in UNSEEN if prometheus.values(name)] == []


def test_nothing_alarms_but_what_should(prometheus: Prometheus) -> None:
    """Programs that are well call nobody: only the moved input and the refused messages are told."""
    firing = {name for name in ALERTS if prometheus.values(f'ALERTS{{alertname="{name}", alertstate="firing"}}')}
    assert firing <= {"DriftAlarm", "DriftPage", "StoreDeadLetters"}


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_are_written(name: str) -> None:
    """`python -m deploy.grafana` was run after the last change, and no file is left of a board that is gone."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == rendered(name)
    assert {path.stem for path in FOLDER.iterdir()} == set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_a_place_of_their_own(name: str) -> None:
    """None lies on another or beyond the 24 columns, and each says what it is for."""
    panels = json.loads(rendered(name))["panels"]
    places = [each["gridPos"] for each in panels]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert [each["title"] for each in panels if each["type"] != "row" and not each["description"]] == []

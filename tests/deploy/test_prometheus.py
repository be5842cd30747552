"""Rules and alerts are valid, tested in both directions, documented, and use metrics that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.boards import panel_queries
from deploy.observe.configuration import FOLDER, alertmanager_config, prometheus_config
from deploy.reference.exported_metrics import PROCESS
from tests.deploy.exported import FOREIGN, series
from tests.deploy.promql import labels_of, metrics_of
from tests.support.tool import run_tool

CONFIG = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
RULE_FILES = [FOLDER / name for name in CONFIG["rule_files"]]
TESTS = sorted((FOLDER / "tests").glob("*.yml"))
RUNBOOKS = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text(encoding="utf-8")


def rules() -> list[dict[str, Any]]:
    """Return all rules from all files."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULE_FILES]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


#: Labels that Prometheus adds to every series.
TARGET_LABELS = {"job", "instance"}
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"]: rule for rule in rules() if "record" in rule}


def test_configurations_are_valid(tmp_path: Path) -> None:
    """The configurations are valid as committed and as changed by `make observe`, and so are the rules."""
    run_tool("promtool", "check", "config", "--syntax-only", FOLDER / "prometheus.yml")
    local = tmp_path / "prometheus.yml"
    jobs = {job["job_name"]: "127.0.0.1:1" for job in CONFIG["scrape_configs"]}
    local.write_text(prometheus_config(jobs, alertmanager="127.0.0.1:2"), encoding="utf-8")
    run_tool("promtool", "check", "config", local)
    run_tool("promtool", "check", "rules", *RULE_FILES)
    run_tool("amtool", "check-config", FOLDER / "alertmanager.yml")
    alertmanager = tmp_path / "alertmanager.yml"
    alertmanager.write_text(alertmanager_config("127.0.0.1:3"), encoding="utf-8")
    run_tool("amtool", "check-config", alertmanager)
    assert "ledger:" not in alertmanager.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_stay_silent(path: Path) -> None:
    """Our alert rules pass their promtool unit tests on synthetic series."""
    run_tool("promtool", "test", "rules", path)


def test_every_alert_is_tested_both_ways() -> None:
    """For each alert, some test names a time at which the alert must fire and a time at which it must not."""
    tested: dict[bool, set[str]] = {True: set(), False: set()}
    for path in TESTS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for each in test["promql_expr_test"]:
                pattern = re.search(r'alertname=~?"([^"]+)"', each["expr"])
                named = {name for name in ALERTS if pattern and re.fullmatch(pattern[1], name)}
                tested[bool(each["exp_samples"])] |= named
    # An expression may match several alerts; each of them is also tested by an expression of its own.
    assert set(ALERTS) - tested[True] == set()
    assert set(ALERTS) - tested[False] == set()


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_runbook(name: str) -> None:
    """Each alert has a severity, a summary and a description; its runbook begins with severity and description."""
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
    section = RUNBOOKS.partition(f"\n### {name}\n")[2].partition("\n#")[0]
    # The runbook begins with the alert's own text.
    assert " ".join(section.split()).startswith(
        f"*{rule['labels']['severity']}.* {rule['annotations']['description']} "
    )


def test_every_runbook_has_an_alert() -> None:
    """A runbook for an alert that does not exist is stale."""
    assert set(re.findall(r"^### (\w+)$", RUNBOOKS, flags=re.MULTILINE)) == set(ALERTS)


def test_every_severity_has_a_receiver() -> None:
    """Every receiver includes the ledger, so every alert is recorded."""
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
    receivers = {each["name"]: each["webhook_configs"] for each in config["receivers"]}
    routes = config["route"]["routes"]
    assert {route["receiver"] for route in routes} | {config["route"]["receiver"]} == set(receivers)
    assert {matcher for route in routes for matcher in route["matchers"]} == {"severity = page", "severity = ticket"}
    for severity, receiver in (("page", "page"), ("ticket", "ticket"), ("info", "record")):
        where = ("--config.file", FOLDER / "alertmanager.yml", f"--verify.receivers={receiver}")
        run_tool("amtool", "config", "routes", "test", *where, f"severity={severity}")
    assert all(hook["url"] == "http://ledger:6068/alerts" for hooks in receivers.values() for hook in hooks)


def test_the_example_receivers_fit_the_routes(tmp_path: Path) -> None:
    """With the receivers of the example, the configuration is valid, and every alert is still recorded."""
    example = yaml.safe_load((FOLDER / "receivers.example.yml").read_text(encoding="utf-8"))
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
    assert {each["name"] for each in example["receivers"]} == {each["name"] for each in config["receivers"]}
    assert all({"url": "http://ledger:6068/alerts"} in each["webhook_configs"] for each in example["receivers"])
    kinds = {kind for each in example["receivers"] for kind in each}
    assert kinds == {"name", "email_configs", "pagerduty_configs", "slack_configs", "webhook_configs"}
    merged = tmp_path / "alertmanager.yml"
    merged.write_text(yaml.safe_dump(config | example), encoding="utf-8")
    run_tool("amtool", "check-config", merged)


def test_inhibited_alerts_exist() -> None:
    """Inhibited alerts exist, because a misspelled name would silently inhibit nothing."""
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
    matchers = [each for rule in config["inhibit_rules"] for some in rule.values() for each in some]
    named = {name for matcher in matchers for name in re.split(r"\W+", matcher.partition("=")[2]) if name}
    assert named
    assert named - set(ALERTS) == set()


def test_the_metrics_of_an_expression_are_found() -> None:
    """The parser finds metrics in functions, matchers and ranges; the next test relies on it."""
    expression = 'sum by (job) (rate(a_total{x="b_total"}[5m])) / on (job) slo:b:ratio offset 7d or vector(0) > 2'
    assert metrics_of(expression) == {"a_total", "slo:b:ratio"}
    assert metrics_of("histogram_quantile(0.9, sum by (le) (rate(c_bucket[$__rate_interval]))) unless d") == {
        "c_bucket",
        "d",
    }


def test_metrics_of_rules_and_panels_exist() -> None:
    """Each metric is exported by a program, by Prometheus or by the node exporter, or recorded by a rule."""
    known = set(series()) | set(PROCESS) | FOREIGN | set(RECORDED)
    by_rules = {name: metrics_of(rule["expr"]) for name, rule in (ALERTS | RECORDED).items()}
    by_panels = {f"{each.board}: {each.panel}": metrics_of(each.expression) for each in panel_queries()}
    assert {where: metrics - known for where, metrics in (by_rules | by_panels).items() if metrics - known} == {}


def test_labels_of_rules_panels_and_tests_exist() -> None:
    """Labels in matchers exist: a matcher on a missing label matches nothing, which synthetic series cannot show."""
    assert labels_of('rate(a_total{x="1", y!~"b{2}"}[5m]) > b and c{z="3"}') == {"a_total": {"x", "y"}, "c": {"z"}}
    exported = series()
    used_by = {name: labels_of(rule["expr"]) for name, rule in (ALERTS | RECORDED).items()}
    used_by |= {f"{each.board}: {each.panel}": labels_of(each.expression) for each in panel_queries()}
    for path in TESTS:
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            used_by[f"{path.name}: {case['name']}"] = labels_of("\n".join(s["series"] for s in case["input_series"]))
    unknown = {
        (where, name, label)
        for where, by_metric in used_by.items()
        for name, labels in by_metric.items()
        if name in exported
        for label in labels - exported[name] - TARGET_LABELS
    }
    assert unknown == set()


def test_every_recorded_series_is_used() -> None:
    """Each recorded series is used by an alert or a panel; an unused series would only cost memory."""
    used = [metrics_of(rule["expr"]) for rule in ALERTS.values()] + [
        metrics_of(each.expression) for each in panel_queries()
    ]
    assert set(RECORDED) - set().union(*used) == set()

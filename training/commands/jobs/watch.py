"""The job of `fraud-train watch`."""

import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path

import click

from schemas.errors import FraudError
from stream.commands.command_line import until_stopped
from stream.ledger.database import opened_engine
from stream.ledger.gate_store import GateStore
from stream.settings import read_settings
from training.commands.jobs.inputs import open_mlflow
from training.commands.options import VAR
from training.commands.registry_options import kafka_settings, open_promoter
from training.drift.concept_monitor import ConceptMonitor
from training.registry.auto_promote import AutoPromoteMode, auto_promote
from training.retrain.retrain_triggers import RetrainTriggers
from training.retrain.retrainer import Retrainer
from training.retrain.runs import RetrainRuns
from training.study.lock import single_instance
from training.study.runs import StudyRuns
from training.validation.thresholds import Thresholds, read_thresholds

#: Lock file that allows only one process at a time to retrain.
RETRAIN_LOCK = VAR / "retrain.lock"
#: A periodic check that returns the lines to print.
Check = Callable[[], list[str]]


def watch_models(
    *,
    mode: AutoPromoteMode,
    retrain: bool,
    every: float | None,
    thresholds: Path | None,
    once: bool,
    interval: float,
    bootstrap: str | None,
    store: str | None,
) -> None:
    """Promote gate winners and handle retraining requests.

    Args:
        mode: What to do with the winner of a gate test.
        retrain: Whether to handle retraining requests.
        every: Age of the champion, in days, at which to request a retrained model; None for never.
        thresholds: YAML file of limits for retrained models; None for the built-in limits.
        once: Whether to return after the first round of checks.
        interval: Seconds between checks.
        bootstrap: Kafka broker; None for the broker in the settings.
        store: Bundle store; None for the bundle store in the settings.
    """
    with nullcontext() if once else until_stopped(), ExitStack() as opened:
        checks = [_gate_check(store, bootstrap, mode, opened)]
        if retrain:
            checks.append(_retrain_check(store, bootstrap, every, read_thresholds(thresholds), opened))
        _repeat(checks, once=once, interval=interval)


def _repeat(checks: list[Check], *, once: bool, interval: float) -> None:
    """Run the checks periodically, and print each line that the previous round of checks did not print."""
    printed: list[str] = []
    while True:
        lines: list[str] = []
        for check in checks:
            try:
                lines += check()
            except FraudError as error:
                if once:
                    raise
                lines.append(f"{error}; the next check tries again")
        for line in lines:
            if line not in printed:
                click.echo(line)
        printed = lines
        if once:
            return
        time.sleep(interval)


def _gate_check(store: str | None, bootstrap: str | None, mode: AutoPromoteMode, opened: ExitStack) -> Check:
    tests = GateStore(opened.enter_context(opened_engine(read_settings().ledger.url)))
    return lambda: auto_promote(open_promoter(store, bootstrap), tests, mode)


def _retrain_check(
    store: str | None, bootstrap: str | None, every: float | None, thresholds: Thresholds, opened: ExitStack
) -> Check:
    settings = kafka_settings(bootstrap)
    opened.enter_context(single_instance(RETRAIN_LOCK, "fraud-train watch that retrains"))
    ledger = opened.enter_context(opened_engine(settings.ledger.url))
    triggers = RetrainTriggers(ConceptMonitor(ledger, settings.gate, settings.topic), settings, every_days=every)

    def check() -> list[str]:
        promoter, mlflow = open_promoter(store, bootstrap), open_mlflow()
        retrainer = Retrainer(promoter, RetrainRuns(mlflow), StudyRuns(mlflow), ledger, settings, thresholds)
        return triggers.check(promoter) + retrainer.handle_open_requests()

    return check

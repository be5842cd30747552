"""The job of `fraud-train quality`."""

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from schemas.errors import StudyError
from stream.models.bundle_store import BundleStore
from stream.settings import read_settings
from training.commands.jobs.inputs import accepted_leaks, open_mlflow, read_data
from training.commands.study_options import STUDY_LOCK, TRIALS
from training.data.featureset import DEFAULT, read_feature_set
from training.machine import describe_machine
from training.registry.versions import Registry
from training.study.lock import single_instance
from training.study.plan import load_plan
from training.study.progress import StudyProgress
from training.study.quality import QualityRunner
from training.study.quality_page import QualityPage
from training.study.runs import StudyRuns
from training.study.search import open_storage


def measure_quality(
    *,
    name: str,
    plan: Path,
    splits: int,
    models: int,
    features: Path | None,
    out: Path,
    data: str,
    description: Path | None,
    store: str | None,
    accepted: tuple[str, ...],
    console: Console,
) -> None:
    """Measure a study's metrics over seeds and write the page.

    Args:
        name: Name of the study, which must be finished.
        plan: YAML plan for the studies on stratified splits.
        splits: Number of stratified splits.
        models: Number of models to train on the time-ordered split.
        features: YAML feature set that the study used; None for all feature columns and the amount.
        out: Markdown file to write.
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        store: Bundle store; None for the bundle store in the settings.
        accepted: Names of the leaks to accept.
        console: Console on which to show the progress.
    """
    machine, split_plan = describe_machine(()), load_plan(plan)
    with single_instance(STUDY_LOCK):
        connection = open_mlflow()
        runs = StudyRuns(connection)
        study = runs.require(name)
        evaluation = runs.last_evaluation(study)
        if evaluation is None:
            raise StudyError(f"study {study.name} has no final evaluation yet; run: fraud-train evaluate --final")
        runner = QualityRunner(
            read_data(data, description),
            read_feature_set(features) if features else DEFAULT,
            runs,
            Registry(connection),
            BundleStore(store or read_settings().bundle.store),
            open_storage(f"sqlite:///{TRIALS}"),
            StudyProgress(console),
            accepted_leaks(accepted),
        )
        # The splits come first because they can be resumed; the model seeds evaluate the test set again each time.
        by_split = runner.over_splits(split_plan, range(splits))
        by_model = runner.over_model_seeds(study, range(models))
    page = QualityPage(
        study=study,
        records=[record for _, record in runs.finished(study).values()],
        evaluation=evaluation,
        splits=by_split,
        plan=split_plan.name,
        model_seeds=by_model,
        machine=machine,
        command=shlex.join(("fraud-train", *sys.argv[1:])),
    )
    try:
        out.write_text(page.markdown(), encoding="utf-8")
    except OSError as error:
        raise StudyError(f"cannot write to {out} ({error.strerror}); choose another file with --out") from error
    click.echo(out)

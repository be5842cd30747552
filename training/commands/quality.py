"""The command `fraud-train quality`."""

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import VAR, data_option, description_option, file_path, store_option
from training.commands.study_options import (
    CONFIGS,
    SPLIT_PLAN,
    STUDY_LOCK,
    TRIALS,
    accept_option,
    accepted_leaks,
    open_mlflow,
    read_data,
)

_SPLITS, _MODELS = 10, 5


@click.command(
    short_help="Measure how much a study's metrics vary over seeds.",
    epilog=examples(
        "fraud-train quality --study default", "fraud-train quality --study quick --splits 3 --out mine.md"
    ),
)
@click.option("--study", "name", required=True, help="Name of the study, which must be finished.")
@click.option(
    "--plan",
    type=file_path,
    help=f"YAML plan for the studies on stratified splits.  [default: training/{CONFIGS.name}/{SPLIT_PLAN}]",
)
@click.option(
    "--splits",
    type=click.IntRange(min=2),
    default=_SPLITS,
    show_default=True,
    help="Number of stratified splits, with seeds 0, 1, 2, …",
)
@click.option(
    "--models",
    type=click.IntRange(min=2),
    default=_MODELS,
    show_default=True,
    help="Number of models to train on the time-ordered split, with seeds 0, 1, 2, …",
)
@click.option(
    "--features",
    type=file_path,
    help="YAML feature set that the study used.  [default: all feature columns and the amount]",
)
@click.option("--out", type=file_path, default=VAR / "quality.md", show_default=True, help="Markdown file to write.")
@data_option
@description_option
@store_option
@accept_option
def quality(
    *,
    name: str,
    plan: Path | None,
    splits: int,
    models: int,
    features: Path | None,
    out: Path,
    data: str,
    description: Path | None,
    store: str | None,
    accepted: tuple[str, ...],
) -> None:
    """Measure how much the metrics of a finished study vary over seeds, for comparison with published results.

    The study's chosen entry is fitted with each model seed on the time-ordered split. In addition, a separate study is
    run on each stratified split. Every evaluation of a test set is counted, and the metrics for all seeds are
    reported. Run `fraud-train evaluate --final` on the study first. If the command is
    killed, run it again: splits that have already been measured are skipped.
    """
    console = Console(stderr=True)
    with console.status("load MLflow, Optuna and the boosters"):
        # These imports take seconds; help and usage errors must not wait for them.
        from schemas.errors import StudyError  # noqa: PLC0415
        from stream.models.bundle_store import BundleStore  # noqa: PLC0415
        from stream.settings import read_settings  # noqa: PLC0415
        from training.data.featureset import DEFAULT, read_feature_set  # noqa: PLC0415
        from training.machine import describe_machine  # noqa: PLC0415
        from training.registry.versions import Registry  # noqa: PLC0415
        from training.study.lock import single_instance  # noqa: PLC0415
        from training.study.plan import load_plan  # noqa: PLC0415
        from training.study.progress import StudyProgress  # noqa: PLC0415
        from training.study.quality import QualityRunner  # noqa: PLC0415
        from training.study.quality_page import QualityPage  # noqa: PLC0415
        from training.study.runs import StudyRuns  # noqa: PLC0415
        from training.study.search import open_storage  # noqa: PLC0415
    machine, split_plan = describe_machine(()), load_plan(plan or CONFIGS / SPLIT_PLAN)
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

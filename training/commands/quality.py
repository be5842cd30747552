"""`fraud-train quality`."""

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import VAR, data_option, description_option, file_path, store_option
from training.commands.study_options import (
    CONFIGS,
    LOCK,
    SPLIT_PLAN,
    TRIALS,
    accept_option,
    known_leaks,
    open_mlflow,
    read_data,
)

_SPLITS, _MODELS = 10, 5


@click.command(
    epilog=examples(
        "fraud-train quality --study default", "fraud-train quality --study quick --splits 3 --out mine.md"
    ),
)
@click.option("--study", "name", required=True, help="Name of the finished study.")
@click.option("--plan", type=file_path, help=f"Of the studies by split.  [default: {CONFIGS.name}/{SPLIT_PLAN}]")
@click.option("--splits", type=click.IntRange(min=2), default=_SPLITS, show_default=True, help="Stratified, from 0.")
@click.option("--models", type=click.IntRange(min=2), default=_MODELS, show_default=True, help="Model seeds, from 0.")
@click.option(
    "--features", type=file_path, help="YAML feature set of the study.  [default: every column and the amount]"
)
@click.option("--out", type=file_path, default=VAR / "quality.md", show_default=True, help="Markdown page to write.")
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
    """Measure a finished study over seeds, as papers compare models.

    The study's chosen entry is fitted with each model seed on the time-ordered split; beside it every stratified split
    gets a study of its own. All looks at test parts are counted, and all seeds are shown. The study's final evaluation
    must have been done. A split that was measured before is not run again, so a killed command goes on where it was.
    """
    console = Console(stderr=True)
    with console.status("load MLflow, Optuna and the boosters"):
        # They take seconds to import; help and bad usage are told at once.
        from schemas.errors import StudyError  # noqa: PLC0415
        from stream.models.bundle_store import BundleStore  # noqa: PLC0415
        from stream.settings import read_settings  # noqa: PLC0415
        from training.data.featureset import DEFAULT, read_feature_set  # noqa: PLC0415
        from training.machine import describe_machine  # noqa: PLC0415
        from training.registry.versions import Registry  # noqa: PLC0415
        from training.study.lock import only_one  # noqa: PLC0415
        from training.study.plan import load_plan  # noqa: PLC0415
        from training.study.progress import StudyProgress  # noqa: PLC0415
        from training.study.quality import Quality  # noqa: PLC0415
        from training.study.quality_page import QualityPage  # noqa: PLC0415
        from training.study.runs import StudyRuns  # noqa: PLC0415
        from training.study.search import open_storage  # noqa: PLC0415
    machine, planned = describe_machine(()), load_plan(plan or CONFIGS / SPLIT_PLAN)
    with only_one(LOCK):
        connection = open_mlflow()
        runs = StudyRuns(connection)
        study = runs.require(name)
        look = runs.last_look(study)
        if look is None:
            raise StudyError(f"study {study.name} has no final evaluation yet; run: fraud-train evaluate --final")
        measurer = Quality(
            read_data(data, description),
            read_feature_set(features) if features else DEFAULT,
            runs,
            Registry(connection),
            BundleStore(store or read_settings().bundle.store),
            open_storage(f"sqlite:///{TRIALS}"),
            StudyProgress(console),
            known_leaks(accepted),
        )
        # First, for it goes on where it was: the others take another look each time.
        by_split = measurer.over_splits(planned, range(splits))
        by_model = measurer.over_model_seeds(study, range(models))
    page = QualityPage(
        study=study,
        records=[record for _, record in runs.finished(study).values()],
        look=look,
        splits=by_split,
        plan=planned.name,
        model_seeds=by_model,
        machine=machine,
        command=shlex.join(("fraud-train", *sys.argv[1:])),
    )
    try:
        out.write_text(page.markdown(), encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{out} cannot be written ({error.strerror}); name another place with --out") from error
    click.echo(out)

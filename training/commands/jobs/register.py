"""The job of `fraud-train register`."""

import hashlib
from pathlib import Path

import click

from schemas.errors import DataError, QualityError
from schemas.manifest import MANIFEST_NAME
from stream.drift.alarm_rule import drift_limits
from stream.models.bundle import LoadedModel, audit
from stream.settings import read_settings
from training.commands.options import DATA_DIR
from training.commands.registry_options import open_registry
from training.data.dataset import Dataset
from training.data.description import ULB_FILE
from training.data.source import source_sha256
from training.registry.access import RegistryAccess
from training.registry.register import register
from training.validation.card import check_future_card
from training.validation.champion import read_champion
from training.validation.evidence import Evidence, Missing, archive_reader
from training.validation.labelled_rows import read_labelled_rows
from training.validation.record import RunEvaluations, record_validation
from training.validation.thresholds import Thresholds, read_thresholds
from training.validation.validate import validate


def register_run(
    *,
    run_id: str,
    data: str | None,
    description: Path | None,
    thresholds: Path | None,
    override: str | None,
    author: str,
    store: str | None,
) -> None:
    """Validate and register the bundle of a run, and print each check and the new version.

    Args:
        run_id: Id of the run.
        data: Path or fsspec URL of labelled transactions; None for the ULB data if the model was trained on them.
        description: YAML file that describes the columns; None for the ULB data.
        thresholds: YAML file of limits; None for the built-in limits.
        override: Reason to register a bundle that does not pass; None to refuse it.
        author: Who registers.
        store: Bundle store; None for the bundle store in the settings.

    Raises:
        QualityError: If the bundle does not pass, and there is no override.
        RegistryError: If the run cannot be registered.
    """
    limits, access = read_thresholds(thresholds), open_registry(store)
    reason = None if override is None else _one_line(override)

    def validate_directory(directory: Path) -> None:
        _validate(directory, run_id, access, limits, data=data, description=description, accepted=(author, reason))

    version = register(run_id, *access, validate=validate_directory)
    click.echo(f"version {version.number}: bundle {version.bundle.path}, SHA-256 {version.bundle.sha256[:12]}…")


def _validate(
    directory: Path,
    run_id: str,
    access: RegistryAccess,
    limits: Thresholds,
    *,
    data: str | None,
    description: Path | None,
    accepted: tuple[str, str | None],
) -> None:
    registry, runs, store = access
    settings = read_settings()
    sha256 = hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest()
    candidate, champion = audit(directory, sha256), read_champion(None, registry, store)
    evidence = Evidence(
        champion,
        _labelled_rows(data, description, candidate, champion),
        archive_reader(settings),
        drift_limits(settings.drift, settings.watermark),
        lambda manifest: check_future_card(manifest, run_id, runs, limits.card),
        RunEvaluations(runs, run_id),
    )
    report = validate(directory, sha256, evidence, limits, use="register", name=f"run {run_id}")
    for line in report.lines():
        click.echo(line, err=True)
    author, reason = accepted
    overridden = f"{author}: {reason}" if reason and not report.passed else ""
    record_validation(report, run_id, runs, override=overridden)
    if not report.passed and not reason:
        raise QualityError(
            f"run {run_id} does not pass its validation: {report.reason}; train a better model, or register it all the "
            "same with --override-validation REASON"
        )


def _labelled_rows(
    data: str | None, description: Path | None, candidate: LoadedModel, champion: LoadedModel | Missing
) -> Dataset | Missing:
    models = [candidate, *([] if isinstance(champion, Missing) else [champion])]
    if data is not None:
        return read_labelled_rows(data, description, models)
    ulb = DATA_DIR / ULB_FILE
    if not ulb.is_file() or source_sha256(ulb) != candidate.manifest.training_window.data_sha256:
        return Missing("there are no labelled transactions; give some with --data")
    return read_labelled_rows(str(ulb), None, models)


def _one_line(reason: str) -> str:
    line = " ".join(reason.split())
    if not line:
        raise DataError("--override-validation needs a reason; it is recorded with the version")
    return line

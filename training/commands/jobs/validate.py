"""The job of `fraud-train validate`."""

import hashlib
from pathlib import Path

import click

from schemas.errors import BundleError, DataError, QualityError
from schemas.manifest import MANIFEST_NAME
from stream.drift.alarm_rule import drift_limits
from stream.models.bundle import LoadedModel, audit
from stream.settings import read_settings
from training.bundling.location import locate_bundle
from training.commands.display import progress
from training.commands.registry_options import open_registry
from training.commands.unusable_file import UnusableFileError
from training.validation.card import check_stored_card
from training.validation.champion import read_champion
from training.validation.evidence import Evidence, archive_reader
from training.validation.labelled_rows import read_labelled_rows
from training.validation.record import RunEvaluations, write_report
from training.validation.thresholds import read_thresholds
from training.validation.validate import validate

_STEPS = 3


def validate_bundle(
    *,
    bundle: str,
    champion: str | None,
    data: str,
    description: Path | None,
    thresholds: Path | None,
    out: Path,
    store: str | None,
) -> None:
    """Validate a bundle, print each check, and write the report.

    Args:
        bundle: Directory, URL or path of the bundle, or a version number or alias of the registered model.
        champion: Bundle to compare with, in the same forms; None for the registered model's champion.
        data: Path or fsspec URL of a Parquet or CSV file with labelled transactions.
        description: YAML file that describes the columns; None for the ULB data.
        thresholds: YAML file of limits; None for the built-in limits.
        out: HTML file to write; the JSON file is written beside it.
        store: Bundle store; None for the bundle store in the settings.

    Raises:
        QualityError: If the bundle does not pass.
        UnusableFileError: If the labelled transactions cannot be used.
    """
    limits, settings = read_thresholds(thresholds), read_settings()
    with progress(_STEPS) as step:
        step("read the models")
        registry, runs, bundles = open_registry(store)
        location = locate_bundle(bundle, bundles, lambda version: registry.find(version).bundle)
        compared = read_champion(champion, registry, bundles)
        with location.store.fetch(location.path) as directory:
            sha256 = location.ref.sha256 if location.ref else _manifest_hash(directory)
            step("read the data")
            models = [model for model in (compared, _model(directory, sha256)) if isinstance(model, LoadedModel)]
            try:
                rows = read_labelled_rows(data, description, models)
                step("run the checks")
                evidence = Evidence(
                    compared,
                    rows,
                    archive_reader(settings),
                    drift_limits(settings.drift, settings.watermark),
                    lambda manifest: check_stored_card(manifest, runs, limits.card),
                    RunEvaluations(runs),
                )
                report = validate(directory, sha256, evidence, limits, use="validate", name=bundle)
            except DataError as error:
                raise UnusableFileError(str(error)) from error
    beside = write_report(report, out)
    for line in report.lines():
        click.echo(line)
    click.echo(f"{out} and {beside}")
    if not report.passed:
        raise QualityError(f"{report.bundle} does not pass its validation: {report.reason}")


def _manifest_hash(directory: Path) -> str:
    """Return the hash of a bundle that is named by its place; without a manifest, its audit says so."""
    manifest = directory / MANIFEST_NAME
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else ""


def _model(directory: Path, sha256: str) -> LoadedModel | None:
    """Return the model whose features the data must have; None for a bundle that will fail its audit."""
    try:
        return audit(directory, sha256)
    except BundleError:
        return None

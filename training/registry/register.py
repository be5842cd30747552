"""Registering a run's bundle as a version of `fraud` whose bundle is in the store: completely or not at all."""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from schemas.errors import FraudError, RegistryError
from schemas.manifest import MANIFEST_NAME
from schemas.messages import BundleRef
from stream.models.bundle import audit, read_bundle
from stream.models.bundle_store import BundleStore
from training.bundling.parity import TOLERANCE
from training.bundling.write_bundle import BUNDLE_ARTIFACT, renumber_bundle
from training.registry.card import write_card
from training.registry.lineage import version_tags
from training.registry.runs import FINISHED, MlflowRuns, RunSnapshot
from training.registry.versions import REGISTERED_MODEL, RegisteredVersion, Registry

#: Metric of a run: largest difference between the ONNX graph and the original.
PARITY = "onnx_parity"


def register(run_id: str, registry: Registry, runs: MlflowRuns, store: BundleStore) -> RegisteredVersion:
    """Make a run's bundle the next version.

    The bundle is audited, numbered, put into the store, read back from there, and named in the version's tags last. If
    a step fails, the earlier ones are undone. A process that is killed leaves at most two things: a version without a
    bundle's hash, which can be neither staged nor promoted and is deleted when its run is registered again, and a
    bundle that no version names.

    Args:
        run_id: Id of a finished run whose artifact `bundle` is a bundle.
        registry: Registry in which the version is created.
        runs: Runs of the same MLflow.
        store: Store that receives the bundle as `fraud/<version>`.

    Raises:
        RegistryError: If there is no such run, it did not finish, holds no bundle or is registered already, or MLflow
            is unavailable or rejects the request.
        BundleError: If the bundle does not pass its audit or cannot be stored.
    """
    run = runs.get(run_id)
    _require_sound(run)
    _delete_incomplete(run_id, registry)
    if not runs.holds(run_id, f"{BUNDLE_ARTIFACT}/{MANIFEST_NAME}"):
        raise RegistryError(f"run {run_id} holds no bundle; register a run of `study` or `baseline` that has one")
    try:
        with tempfile.TemporaryDirectory() as scratch, ExitStack() as undo:
            directory = runs.fetch(run_id, BUNDLE_ARTIFACT, Path(scratch))
            audited = audit(directory, hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest())
            lineage = version_tags(run_id, run.tags, audited.manifest)
            number = registry.reserve(run_id, f"{run.artifact_uri}/{BUNDLE_ARTIFACT}", lineage)
            undo.callback(_try, registry.delete, number)
            version, path = _free_path(number, store)
            model = renumber_bundle(directory, REGISTERED_MODEL, version, run_id)
            runs.add(run_id, directory / MANIFEST_NAME, BUNDLE_ARTIFACT)
            store.put(directory, path)
            undo.callback(_try, store.discard, path)
            bundle = BundleRef(REGISTERED_MODEL, version, path, model.sha256)
            read_bundle(store, bundle)
            write_card(number, lineage, model.manifest, runs)
            registry.complete(number, bundle)
            undo.pop_all()
    except OSError as error:  # most likely the disk is full
        raise RegistryError(f"run {run_id} was not registered: {error.strerror or error}") from error
    return registry.find(number)


def withdraw(version: RegisteredVersion, registry: Registry, store: BundleStore) -> None:
    """Undo a registration, for a caller that registers several versions that belong together.

    What cannot be undone stays, for example because MLflow is unavailable.
    """
    _try(registry.delete, version.number)
    _try(store.discard, version.bundle.path)


def _require_sound(run: RunSnapshot) -> None:
    if run.status != FINISHED:
        raise RegistryError(f"run {run.run_id} did not finish, it is {run.status}; its page in MLflow shows why")
    parity = run.metrics.get(PARITY, 0.0)
    if not parity <= TOLERANCE:  # also true for NaN
        raise RegistryError(
            f"run {run.run_id}: its ONNX graph differs from the original by {parity:.3g}, {TOLERANCE} is allowed"
        )


def _delete_incomplete(run_id: str, registry: Registry) -> None:
    """Delete what a killed registration of the run left behind; refuse a run that is registered."""
    for version in registry.all():
        if version.run_id != run_id:
            continue
        if version.finished:
            raise RegistryError(f"run {run_id} is version {version.number} already; stage or promote that")
        registry.delete(version.number)


def _free_path(number: str, store: BundleStore) -> tuple[str, str]:
    """Return the version and path of the bundle: the first free number in the store, from the version's own on."""
    # A new MLflow database numbers from 1 again, but the store keeps its bundles for ever.
    version = int(number)
    while store.exists(f"{REGISTERED_MODEL}/{version}"):
        version += 1
    return str(version), f"{REGISTERED_MODEL}/{version}"


def _try(undo: Callable[[str], None], argument: str) -> None:
    # The error that made it necessary is the one to report.
    with suppress(FraudError):
        undo(argument)

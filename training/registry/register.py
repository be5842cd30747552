"""Register a run's bundle as a version of `fraud` and put it into the store, completely or not at all."""

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

#: Name of the run metric for the largest difference between the scores of the ONNX graph and the original.
PARITY = "onnx_parity"


def register(
    run_id: str,
    registry: Registry,
    runs: MlflowRuns,
    store: BundleStore,
    *,
    validate: Callable[[Path], None] | None = None,
) -> RegisteredVersion:
    """Register a run's bundle as the next version.

    The bundle is audited, numbered, put into the store, read back from the store, and finally named in the version's
    tags. If a step fails, the earlier steps are undone. A process that is killed may leave two things behind: a
    version without a bundle hash, which can be neither staged nor promoted and is deleted when the run is registered
    again; and a bundle that no version names.

    Args:
        run_id: Id of a finished run with a bundle as its artifact `bundle`.
        registry: Registry in which the version is created.
        runs: Runs in the same MLflow.
        store: Store that receives the bundle as `fraud/<version>`.
        validate: Function that validates the audited bundle in a directory before a version is created, and tags the
            run with the result; it raises an error for a bundle that must not be registered. None to only audit it.

    Raises:
        QualityError: If the bundle does not pass its validation.
        RegistryError: If the run does not exist, did not finish, contains no bundle or is already registered, or if
            MLflow is unavailable or rejects the request.
        BundleError: If the bundle does not pass its audit or cannot be stored.
    """
    run = runs.get(run_id)
    _require_sound(run)
    _delete_incomplete(run_id, registry)
    if not runs.holds(run_id, f"{BUNDLE_ARTIFACT}/{MANIFEST_NAME}"):
        raise RegistryError(f"run {run_id} contains no bundle; register a run of `study` or `baseline` that has one")
    try:
        with tempfile.TemporaryDirectory() as scratch, ExitStack() as undo:
            directory = runs.fetch(run_id, BUNDLE_ARTIFACT, Path(scratch))
            audited = audit(directory, hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest())
            if validate is not None:
                validate(directory)
                run = runs.get(run_id)
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
    """Undo a registration. This is for callers that register several versions which belong together.

    Steps that cannot be undone, for example because MLflow is unavailable, are left as they are.
    """
    _try(registry.delete, version.number)
    _try(store.discard, version.bundle.path)


def _require_sound(run: RunSnapshot) -> None:
    if run.status != FINISHED:
        raise RegistryError(
            f"run {run.run_id} has status {run.status}, not {FINISHED}; its page in MLflow shows the cause"
        )
    parity = run.metrics.get(PARITY, 0.0)
    if not parity <= TOLERANCE:  # also true for NaN
        raise RegistryError(
            f"run {run.run_id}: the ONNX graph's scores differ from the original model's by {parity:.3g}, "
            f"more than {TOLERANCE}"
        )


def _delete_incomplete(run_id: str, registry: Registry) -> None:
    """Delete versions that a killed registration of the run left behind.

    Raises:
        RegistryError: If the run is already registered.
    """
    for version in registry.all():
        if version.run_id != run_id:
            continue
        if version.finished:
            raise RegistryError(f"run {run_id} is already version {version.number}; stage or promote that version")
        registry.delete(version.number)


def _free_path(number: str, store: BundleStore) -> tuple[str, str]:
    """Return the bundle's version and path: the first free number in the store, starting at the version's own."""
    # A new MLflow database starts numbering at 1 again, but the store keeps its bundles permanently.
    version = int(number)
    while store.exists(f"{REGISTERED_MODEL}/{version}"):
        version += 1
    return str(version), f"{REGISTERED_MODEL}/{version}"


def _try(undo: Callable[[str], None], argument: str) -> None:
    # Errors are ignored here, because the error that made the cleanup necessary is the one to report.
    with suppress(FraudError):
        undo(argument)

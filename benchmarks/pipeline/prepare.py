"""Prepares the inputs of the benchmarks: fetches data and trains models that are missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.pipeline.inputs import BenchmarkInputs
from schemas.errors import BundleMissingError
from schemas.messages import BundleRef
from stream.models.bundle_store import BundleStore
from training.baseline import run_baseline
from training.data.dataset import Dataset, load
from training.data.fetch import fetch
from training.data.messages import transactions
from training.offline import part_of
from training.registry.connection import connect
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment
from training.registry.roles import save_roles

#: Default paths of `fraud-train`, relative to `var`.
_DATA, _ROLES, _STORE = "data/creditcard.parquet", "models/baseline.json", "bundles"


class _BaselineRoles(Struct):
    """The roles file that `fraud-train baseline` writes."""

    store: str
    champion: BundleRef
    challengers: tuple[BundleRef, ...]


def prepare_inputs(var: Path, scratch: Path, on_step: Callable[[str], None]) -> BenchmarkInputs:
    """Load data and models from `var`, fetching data and training models that are missing.

    Args:
        var: Directory in which the project keeps data and models.
        scratch: Directory for local copies of the bundles.
        on_step: Called with a description of each step.

    Raises:
        DataError: If the data cannot be fetched or read.
        BundleError: If a bundle named in the roles file is not in the store.
    """
    data = fetch((var / _DATA).parent, on_step)
    if not (var / _ROLES).exists():
        _train(load(data), var, on_step)
    on_step("Reading transactions and bundles")
    roles = msgspec.json.decode((var / _ROLES).read_bytes(), type=_BaselineRoles)
    refs = (roles.champion, *roles.challengers)
    if len(refs) < 3:  # noqa: PLR2004 - memory is reported for three models
        raise BundleMissingError(
            f"{var / _ROLES} names {len(refs)} models, but the benchmark needs 3; run: fraud-train baseline"
        )
    bundles = {ref.sha256: _copy(BundleStore(roles.store), ref, scratch) for ref in refs}
    rows = list(transactions(part_of(load(data), "test")))
    return BenchmarkInputs(rows, roles.store, roles.champion, roles.challengers, bundles)


def _train(rows: Dataset, var: Path, on_step: Callable[[str], None]) -> None:
    roles, _ = run_baseline(rows, str(var / _STORE), MlflowExperiment(connect(var), BASELINE_EXPERIMENT), on_step)
    save_roles(roles, var / _ROLES)


def _copy(store: BundleStore, ref: BundleRef, scratch: Path) -> Path:
    with store.fetch(ref.path) as directory:
        return Path(shutil.copytree(directory, scratch / ref.sha256))

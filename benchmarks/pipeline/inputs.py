"""What is measured with: real transactions and trained bundles, made when they are not there yet."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from schemas.errors import BundleMissingError
from schemas.messages import BundleRef, FeatureValue, Transaction
from stream.models.bundle_store import BundleStore

if TYPE_CHECKING:
    from training.data.dataset import Dataset

#: The same places that `fraud-train` uses by default.
_DATA, _ROLES, _STORE = "data/creditcard.parquet", "models/baseline.json", "bundles"


class _Noted(Struct):
    """What `fraud-train baseline` notes of its bundles."""

    store: str
    champion: BundleRef
    challengers: tuple[BundleRef, ...]


@dataclass(frozen=True)
class Materials:
    """Everything a trial needs beside a broker.

    Attributes:
        rows: Real transactions: the test part of the data.
        store: URL of the bundle store.
        champion: Decides.
        challengers: At least two; throughput takes the first, memory two.
        bundles: Local copy of each bundle's directory by hash, for programs that know no bundle store.
    """

    rows: list[Transaction[dict[str, FeatureValue]]]
    store: str
    champion: BundleRef
    challengers: tuple[BundleRef, ...]
    bundles: dict[str, Path]


def gather(var: Path, scratch: Path, on_step: Callable[[str], None]) -> Materials:
    """Find data and models under `var`, or fetch and train them.

    Args:
        var: Where the project keeps what it fetches and makes.
        scratch: Directory for the copies of bundles.
        on_step: Told what is being done.

    Raises:
        DataError: If the data cannot be had.
        BundleError: If a bundle that is noted is not there.
    """
    # The extra `training` takes seconds to import; commands that don't measure start at once.
    from training.data.dataset import load  # noqa: PLC0415
    from training.data.fetch import fetch  # noqa: PLC0415
    from training.data.messages import transactions  # noqa: PLC0415
    from training.offline import part_of  # noqa: PLC0415

    data = fetch((var / _DATA).parent, on_step)
    if not (var / _ROLES).exists():
        _train(load(data), var, on_step)
    on_step("Reading transactions and bundles")
    noted = msgspec.json.decode((var / _ROLES).read_bytes(), type=_Noted)
    refs = (noted.champion, *noted.challengers)
    if len(refs) < 3:  # noqa: PLR2004 - "three models" is the very figure that memory is measured with
        raise BundleMissingError(
            f"{var / _ROLES} names {len(refs)} models, the bench takes 3; run fraud-train baseline"
        )
    bundles = {ref.sha256: _copy(BundleStore(noted.store), ref, scratch) for ref in refs}
    rows = list(transactions(part_of(load(data), "test")))
    return Materials(rows, noted.store, noted.champion, noted.challengers, bundles)


def _train(rows: "Dataset", var: Path, on_step: Callable[[str], None]) -> None:
    from training.baseline import run_baseline  # noqa: PLC0415 - as above
    from training.registry.roles import save_roles  # noqa: PLC0415
    from training.registry.tracking import Tracker  # noqa: PLC0415

    roles, _ = run_baseline(rows, str(var / _STORE), Tracker(var), on_step)
    save_roles(roles, var / _ROLES)


def _copy(store: BundleStore, ref: BundleRef, scratch: Path) -> Path:
    with store.fetch(ref.path) as directory:
        return Path(shutil.copytree(directory, scratch / ref.sha256))

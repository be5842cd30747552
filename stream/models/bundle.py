"""Reads and audits bundles: a model takes a role only after its whole bundle has been checked."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import BundleCorruptError, BundleIncompatibleError, BundleMissingError, ModelFaultError
from schemas.manifest import MANIFEST_NAME, MODEL_NAME, Feature, Manifest, ReferenceProfile, decode_manifest
from schemas.messages import BundleRef
from stream.models.bundle_store import BundleStore
from stream.models.onnx_session import OnnxModel
from stream.scoring.features import FeaturePlan, Matrix


@dataclass(frozen=True)
class LoadedModel:
    """An audited model with its ONNX session."""

    manifest: Manifest
    #: Hash of the manifest, which identifies the bundle.
    sha256: str
    plan: FeaturePlan
    onnx: OnnxModel

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return the (n,) scores of the rows of an (n, n_features) matrix."""
        return self.onnx.score(matrix)

    def check_parity(self) -> None:
        """Score the manifest's parity rows and compare the scores with the expected ones.

        Raises:
            ModelFaultError: If scoring fails, or a score differs by more than the tolerance.
        """
        parity = self.manifest.parity
        expected = np.array(parity.scores)
        try:
            scores = self.onnx.score(np.array(parity.rows, dtype=np.float32))
        except Exception as error:  # onnxruntime has one exception class for each status code
            raise ModelFaultError(f"model {self.manifest.version} fails on its parity rows: {error}") from error
        worst = float(np.max(np.abs(scores - expected))) if scores.shape == expected.shape else float("nan")
        if not worst <= parity.tolerance:  # also true for NaN
            raise ModelFaultError(
                f"model {self.manifest.version} differs by {worst:.3g} from its parity scores; "
                f"a difference of at most {parity.tolerance:.3g} is allowed"
            )


def read_bundle(store: BundleStore, ref: BundleRef) -> LoadedModel:
    """Fetch and audit a bundle: hashes, format version, names, shapes, dtypes and parity.

    Args:
        store: Bundle store.
        ref: Reference to the bundle.

    Raises:
        BundleError: If the audit fails; the error names the defect.
    """
    with store.fetch(ref.path) as directory:
        model = audit(directory, ref.sha256)
    name, version = model.manifest.name, model.manifest.version
    if (name, version) != (ref.name, ref.version):
        raise BundleCorruptError(
            f"the manifest of bundle {ref.path} says {name}/{version}, but it was published as "
            f"{ref.name}/{ref.version}; publish the bundle again"
        )
    return model


def read_manifest(store: BundleStore, ref: BundleRef) -> Manifest:
    """Fetch only a bundle's manifest and check its hash.

    Args:
        store: Bundle store.
        ref: Reference to the bundle.

    Raises:
        BundleMissingError: If the bundle cannot be read.
        BundleCorruptError: If the manifest's hash differs from the hash in the reference.
    """
    with store.fetch(ref.path) as directory:
        raw = _read(directory, MANIFEST_NAME)
    _check_hash(MANIFEST_NAME, raw, ref.sha256)
    return decode_manifest(raw)


def resolve_bundle(store: BundleStore, path: str) -> BundleRef:
    """Audit the bundle at a path in the store, and return a reference to the bundle.

    Args:
        store: Bundle store.
        path: Path of the bundle in the store.

    Raises:
        BundleError: If the audit fails; the error names the defect.
    """
    with store.fetch(path) as directory:
        sha256 = hashlib.sha256(_read(directory, MANIFEST_NAME)).hexdigest()
        manifest = audit(directory, sha256).manifest
    return BundleRef(manifest.name, manifest.version, path, sha256)


def audit(directory: Path, sha256: str) -> LoadedModel:
    """Audit a bundle in a local directory and load its model.

    Args:
        directory: Directory of the bundle.
        sha256: Expected hash of the manifest.

    Raises:
        BundleError: If the audit fails; the error names the defect.
    """
    raw = _read(directory, MANIFEST_NAME)
    _check_hash(MANIFEST_NAME, raw, sha256)
    manifest = decode_manifest(raw)
    if MODEL_NAME not in manifest.files:
        raise BundleCorruptError(f"{MANIFEST_NAME} has no hash for {MODEL_NAME}; export the bundle again")
    for name, expected in manifest.files.items():
        _check_hash(name, _read(directory, name), expected)
    extra = {f.relative_to(directory).as_posix() for f in directory.rglob("*") if f.is_file()}
    extra -= {*manifest.files, MANIFEST_NAME}
    if extra:
        raise BundleCorruptError(f"{min(extra)} is in the bundle but not in its manifest; export the bundle again")
    _check_consistent(manifest)
    onnx = OnnxModel(directory / MODEL_NAME, len(manifest.features))
    model = LoadedModel(manifest, sha256, FeaturePlan(manifest.features, manifest.missing), onnx)
    try:
        model.check_parity()
    except ModelFaultError as error:
        raise BundleCorruptError(str(error)) from error
    _check_any_length(model)
    return model


def _check_any_length(model: LoadedModel) -> None:
    """Reject a graph that does not return exactly one score per row.

    The parity rows alone may not reveal such a graph, so batches with other numbers of rows are tried too.
    """
    parity = np.array(model.manifest.parity.rows, dtype=np.float32)
    for rows in (parity[:1], np.concatenate([parity, parity[:1]])):
        scores = model.score(rows)
        if scores.shape != (len(rows),):
            raise BundleIncompatibleError(
                f"{MODEL_NAME} returns scores of shape {scores.shape} for {len(rows)} rows; export the bundle again"
            )


def _check_consistent(manifest: Manifest) -> None:
    names = manifest.feature_names
    if len(set(names)) != len(names):
        raise BundleIncompatibleError("the manifest lists a feature twice; export the bundle again")
    for feature in manifest.features:
        _check_categories(feature)
    if unknown := sorted(manifest.reference.keys() - set(names)):
        raise BundleIncompatibleError(
            f"the manifest has a reference for {unknown[0]}, which is not a feature; export the bundle again"
        )
    for name, profile in (*manifest.reference.items(), ("the score", manifest.score_reference)):
        if profile is not None:
            _check_reference(name, profile)
    rows, scores = manifest.parity.rows, manifest.parity.scores
    if not rows or len(rows) != len(scores) or any(len(row) != len(names) for row in rows):
        raise BundleIncompatibleError(
            f"the manifest needs at least one parity row, {len(names)} values in each row, and one score for each row; "
            "export the bundle again"
        )
    if manifest.missing != "nan" and any(None in row for row in rows):
        raise BundleIncompatibleError(
            f"a parity row has a missing value, but the policy {manifest.missing!r} never passes one to the model; "
            "export the bundle again"
        )


def _check_reference(name: str, profile: ReferenceProfile) -> None:
    edges = np.array(profile.bin_edges)
    if len(profile.bin_counts) != len(edges) + 1 or min(profile.bin_counts) < 0 or not (np.diff(edges) > 0).all():
        raise BundleIncompatibleError(
            f"the reference of {name} has {len(profile.bin_counts)} bin counts for {len(edges)} edges; it needs "
            "ascending edges, and one non-negative count more than edges; export the bundle again"
        )
    if not (np.diff(profile.quantiles) >= 0).all():
        raise BundleIncompatibleError(f"the quantiles of {name} are not in ascending order; export the bundle again")
    if not (np.diff([each.rows for each in profile.natural]) > 0).all():
        raise BundleIncompatibleError(f"the window sizes of {name} are not in ascending order; export the bundle again")


def _check_categories(feature: Feature) -> None:
    count = len(feature.categories)
    if (feature.kind == "categorical") != bool(count):
        raise BundleIncompatibleError(
            f"feature {feature.name} is {feature.kind} and has {count} categories; a categorical feature needs at "
            "least one category, and any other feature must have none; export the bundle again"
        )
    if len(set(feature.categories)) != count:
        raise BundleIncompatibleError(f"feature {feature.name} lists a category twice; export the bundle again")
    if count and feature.median not in range(count):
        raise BundleIncompatibleError(
            f"the median of feature {feature.name} is not an index of its {count} categories; export the bundle again"
        )


def _read(directory: Path, name: str) -> bytes:
    try:
        path = (directory / name).resolve()
    except ValueError as error:  # a NUL in the name
        raise BundleCorruptError(f"{name!r} is not a valid file name; export the bundle again") from error
    if not path.is_relative_to(directory.resolve()):
        raise BundleCorruptError(f"the manifest lists {name}, which is outside the bundle; export the bundle again")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleMissingError(f"{name} is not in the bundle ({error.strerror}); publish the bundle again") from error


def _check_hash(name: str, raw: bytes, expected: str) -> None:
    if hashlib.sha256(raw).hexdigest() != expected:
        raise BundleCorruptError(f"{name} does not have the SHA-256 that was published; publish the bundle again")

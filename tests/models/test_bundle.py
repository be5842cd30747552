"""The audit: every defect of a bundle is refused with its own error, in one line."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import (
    BundleCorruptError,
    BundleError,
    BundleIncompatibleError,
    BundleMissingError,
    ModelFaultError,
)
from schemas.manifest import (
    MANIFEST_NAME,
    MODEL_NAME,
    Feature,
    NaturalMovement,
    Parity,
    ReferenceProfile,
    decode_manifest,
    encode_manifest,
)
from schemas.messages import BundleRef
from stream.models.bundle import audit, read_bundle
from stream.models.bundle_store import BundleStore
from tests.models.graphs import first_rows, row_means
from tests.support.bundles import put_bundle

WIDTH = 4
Spoil = Callable[[Path], object]


def sha256_of(file: Path) -> str:
    """Return a file's hash."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def rewrite(**changes: Any) -> Spoil:
    """Return a change of the manifest's fields, as an exporter with a fault would write them."""

    def spoil(bundle: Path) -> None:
        manifest = decode_manifest((bundle / MANIFEST_NAME).read_bytes())
        (bundle / MANIFEST_NAME).write_bytes(encode_manifest(msgspec.structs.replace(manifest, **changes)))

    return spoil


def raw_manifest(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Return a change of the manifest's JSON, for what the struct would not hold."""

    def spoil(bundle: Path) -> None:
        fields = msgspec.json.decode((bundle / MANIFEST_NAME).read_bytes())
        change(fields)
        (bundle / MANIFEST_NAME).write_bytes(msgspec.json.encode(fields))

    return spoil


def feature_twice(bundle: Path) -> None:
    """Name the second feature like the first."""
    features = decode_manifest((bundle / MANIFEST_NAME).read_bytes()).features
    rewrite(features=(features[0], *features[:1], *features[2:]))(bundle)


def first_feature(**changes: Any) -> Spoil:
    """Return a change of the first feature."""

    def spoil(bundle: Path) -> None:
        first, *others = decode_manifest((bundle / MANIFEST_NAME).read_bytes()).features
        rewrite(features=(msgspec.structs.replace(first, **changes), *others))(bundle)

    return spoil


def parity(rows: int, width: int, scores: int) -> Spoil:
    """Return a change to parity rows of this shape."""
    return rewrite(parity=Parity(((0.0,) * width,) * rows, (0.5,) * scores))


def null_in_parity(bundle: Path, **changes: Any) -> None:
    """Leave a value of the first parity row out."""
    kept = decode_manifest((bundle / MANIFEST_NAME).read_bytes()).parity
    first, *others = kept.rows
    rewrite(parity=msgspec.structs.replace(kept, rows=((None, *first[1:]), *others)), **changes)(bundle)


def parity_off(by: float) -> Spoil:
    """Return a change of one expected score."""

    def change(fields: dict[str, Any]) -> None:
        fields["parity"]["scores"][3] += by

    return raw_manifest(change)


def another_model(graph: bytes, **changes: Any) -> Spoil:
    """Return a change to another model, with its right hash."""

    def spoil(bundle: Path) -> None:
        (bundle / MODEL_NAME).write_bytes(graph)
        rewrite(files={MODEL_NAME: sha256_of(bundle / MODEL_NAME)}, **changes)(bundle)

    return spoil


def files_also(name: str) -> Spoil:
    """Return a change by which the manifest names one more file."""
    return raw_manifest(lambda fields: fields["files"].update({name: "0" * 64}))


def folder_for_file(bundle: Path) -> None:
    """Make a folder where the manifest names a file."""
    (bundle / "more").mkdir()
    files_also("more")(bundle)


def file_below(bundle: Path) -> None:
    """Hide a file two folders below."""
    (bundle / "a" / "b").mkdir(parents=True)
    (bundle / "a" / "b" / "c").touch()


_MOVED = NaturalMovement(500, 10, 0.1, 0.1)
#: By name: what is wrong (the reference has the hash of the manifest as it then is), the error, words of its text.
DEFECTS: dict[str, tuple[Spoil, type[BundleError], str]] = {
    # Files
    "the model was changed": (
        lambda bundle: (bundle / MODEL_NAME).write_bytes(row_means(None, WIDTH)),
        BundleCorruptError,
        "model.onnx does not have the SHA-256",
    ),
    "the model is gone": (
        lambda bundle: (bundle / MODEL_NAME).unlink(),
        BundleMissingError,
        "model.onnx is not in the bundle",
    ),
    "the model is no file of the manifest": (rewrite(files={}), BundleCorruptError, "no hash for model.onnx"),
    "a file is gone": (files_also("more.txt"), BundleMissingError, "more.txt is not in the bundle"),
    "a file is a folder": (
        folder_for_file,
        BundleMissingError,
        "more is not in the bundle",
    ),
    "a file too many": (
        lambda bundle: (bundle / "extra.txt").touch(),
        BundleCorruptError,
        "extra.txt is in the bundle but not in its manifest",
    ),
    "a file too many, below": (
        file_below,
        BundleCorruptError,
        "a/b/c is in the bundle but not in its manifest",
    ),
    "a path leads out": (files_also("../../../secret"), BundleCorruptError, "../../../secret leads out of the bundle"),
    "an absolute path": (files_also("/etc/hostname"), BundleCorruptError, "/etc/hostname leads out of the bundle"),
    "a path with a NUL": (files_also("a\0b"), BundleCorruptError, "is no file name"),
    # Manifest
    "the manifest is gone": (
        lambda bundle: (bundle / MANIFEST_NAME).unlink(),
        BundleMissingError,
        "manifest.json is not in the bundle",
    ),
    "the manifest is garbage": (
        lambda bundle: (bundle / MANIFEST_NAME).write_bytes(b"\xff{"),
        BundleCorruptError,
        "manifest.json cannot be read",
    ),
    "a format version from the future": (
        raw_manifest(lambda fields: fields.update(format_version=2)),
        BundleCorruptError,
        "format_version",
    ),
    "no features": (raw_manifest(lambda fields: fields.update(features=[])), BundleCorruptError, "features"),
    "review above decline": (
        raw_manifest(lambda fields: fields["policy"].update(review=0.9, decline=0.1)),
        BundleCorruptError,
        "above decline",
    ),
    "a feature named twice": (feature_twice, BundleIncompatibleError, "names a feature twice"),
    "a kind of feature from the future": (
        raw_manifest(lambda fields: fields["features"][0].update(kind="embedding")),
        BundleCorruptError,
        "Invalid enum value",
    ),
    "a category that is no string": (
        raw_manifest(lambda fields: fields["features"][0].update(kind="categorical", categories=["a", 7])),
        BundleCorruptError,
        "$.features[0].categories[1]",
    ),
    "a categorical feature without categories": (
        first_feature(kind="categorical"),
        BundleIncompatibleError,
        "feature V1 is categorical and has 0 categories",
    ),
    "a numeric feature with categories": (
        first_feature(categories=("a",)),
        BundleIncompatibleError,
        "feature V1 is numeric and has 1 categories",
    ),
    "a derived feature with categories": (
        first_feature(kind="log_amount", categories=("a", "b")),
        BundleIncompatibleError,
        "feature V1 is log_amount and has 2 categories",
    ),
    "a category twice": (
        first_feature(kind="categorical", categories=("a", "b", "a")),
        BundleIncompatibleError,
        "feature V1 names a category twice",
    ),
    "a median beyond the categories": (
        first_feature(kind="categorical", categories=("a", "b"), median=2.0),
        BundleIncompatibleError,
        "the median of feature V1 is no index",
    ),
    "a median between two categories": (
        first_feature(kind="categorical", categories=("a", "b"), median=0.5),
        BundleIncompatibleError,
        "the median of feature V1 is no index",
    ),
    "a policy of expected loss without a cost": (
        raw_manifest(lambda fields: fields["policy"].update(kind="expected_loss")),
        BundleCorruptError,
        "needs a review_cost_minor",
    ),
    "a reference with a count too few": (
        rewrite(reference={"V1": ReferenceProfile((0.0, 1.0), (10, 20), (0.0, 1.0))}),
        BundleIncompatibleError,
        "2 bin counts for 2 edges",
    ),
    "a reference whose edges do not ascend": (
        rewrite(score_reference=ReferenceProfile((1.0, 1.0), (10, 20, 30), (0.0, 1.0))),
        BundleIncompatibleError,
        "reference of the score",
    ),
    "a reference whose quantiles fall": (
        rewrite(reference={"V1": ReferenceProfile((0.0,), (10, 20), (1.0, 0.0))}),
        BundleIncompatibleError,
        "quantiles of V1 fall",
    ),
    "natural movement in no order": (
        rewrite(reference={"V1": ReferenceProfile((0.0,), (10, 20), (0.0, 1.0), 0, (_MOVED, _MOVED))}),
        BundleIncompatibleError,
        "window sizes of V1",
    ),
    "the reference of an unknown feature": (
        rewrite(reference={"V9": ReferenceProfile((), (), ())}),
        BundleIncompatibleError,
        "reference for V9, which is no feature",
    ),
    # Parity
    "no parity rows": (parity(0, WIDTH, 0), BundleIncompatibleError, "parity rows must be (k, 4)"),
    "parity rows too narrow": (parity(2, WIDTH - 1, 2), BundleIncompatibleError, "parity rows must be (k, 4)"),
    "a parity score too few": (parity(2, WIDTH, 1), BundleIncompatibleError, "parity rows must be (k, 4)"),
    "a missing value in a parity row": (null_in_parity, BundleIncompatibleError, "which the policy 'median' never"),
    "a parity score off": (parity_off(1e-3), BundleCorruptError, "differs by 0.001 from its parity rows, 1e-06"),
    # Model
    "garbage for a model": (another_model(b"no model"), BundleIncompatibleError, "is no ONNX model"),
    "a model of another width": (another_model(row_means(None, 9)), BundleIncompatibleError, "must take one float32"),
    "a model that scores a part of its rows": (
        another_model(first_rows(WIDTH, 1), parity=Parity(((0.0,) * WIDTH,) * 2, (0.5, 0.5))),
        BundleCorruptError,
        "from its parity rows",
    ),
    "a model that scores as many rows as it has parity rows": (
        another_model(first_rows(WIDTH, 2), parity=Parity(((0.0,) * WIDTH,) * 2, (0.5, 0.5))),
        BundleIncompatibleError,
        "gives (2,) scores for 3 rows",
    ),
}


@pytest.mark.parametrize(("spoil", "error", "words"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_refused(spoil: Spoil, error: type[BundleError], words: str, bundle: Path, ref: BundleRef) -> None:
    """With the error of its kind and one line that names it."""
    spoil(bundle)
    manifest = bundle / MANIFEST_NAME
    sha256 = sha256_of(manifest) if manifest.exists() else ref.sha256
    with pytest.raises(BundleError) as caught:
        audit(bundle, sha256)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_is_not_the_published_one_is_refused(bundle: Path, ref: BundleRef) -> None:
    """Its hash stands for the whole bundle, so nothing else is looked at."""
    rewrite(version="2")(bundle)
    with pytest.raises(BundleCorruptError, match=r"manifest.json does not have the SHA-256 that was published"):
        audit(bundle, ref.sha256)


def test_a_sound_bundle_becomes_a_model(store: Path, ref: BundleRef) -> None:
    """It knows its contract, its identity and its plan, and scores."""
    model = read_bundle(BundleStore(str(store)), ref)
    assert (model.manifest.version, model.sha256) == ("1", ref.sha256)
    assert model.plan.names == ("V1", "V2", "V3", "Amount")
    scores = model.score(np.zeros((3, WIDTH), dtype=np.float32))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(4)), atol=1e-6)


def test_a_bundle_of_every_kind_becomes_a_model(tmp_path: Path) -> None:
    """Its plan reads numbers and strings by name and makes the rest."""
    further = {
        Feature("country", 0, "categorical", ("FR", "BE")): 1.0,
        Feature("log_amount", 7.0, "log_amount"): 0.5,
        Feature("hour_sin", 0.0, "hour_sin"): 1.0,
        Feature("hour_cos", 0.0, "hour_cos"): 1.0,
    }
    store = tmp_path / "bundles"
    plan = read_bundle(BundleStore(str(store)), put_bundle(store, further=further)).plan
    assert plan.names == ("V1", "V2", "V3", "Amount", "country", "log_amount", "hour_sin", "hour_cos")
    assert (plan.numeric, plan.categorical) == (("V1", "V2", "V3"), ("country",))


def test_further_files_are_welcome_when_the_manifest_names_them(bundle: Path) -> None:
    """A bundle is an MLflow model too, which has files of its own, also in folders."""
    extra = bundle / "metadata" / "MLmodel"
    extra.parent.mkdir()
    extra.write_text("flavors: {}")
    raw_manifest(lambda fields: fields["files"].update({"metadata/MLmodel": sha256_of(extra)}))(bundle)
    assert audit(bundle, sha256_of(bundle / MANIFEST_NAME)).manifest.version == "1"


@pytest.mark.parametrize("changes", [{"version": "2"}, {"name": "other"}])
def test_a_bundle_that_is_another_one_is_refused(changes: dict[str, str], store: Path, ref: BundleRef) -> None:
    """What an assignment calls it must be what it is."""
    with pytest.raises(BundleCorruptError, match=r"holds \('fraud', '1'\), not .*; publish it again"):
        read_bundle(BundleStore(str(store)), msgspec.structs.replace(ref, **changes))


def test_a_difference_within_tolerance_passes(bundle: Path) -> None:
    """Another processor's last digits are no fault."""
    parity_off(5e-7)(bundle)
    audit(bundle, sha256_of(bundle / MANIFEST_NAME)).check_parity()


def test_a_missing_value_of_a_parity_row_reaches_the_model(bundle: Path) -> None:
    """Where the policy hands them over: without it the way of a tree that missing values take is never tried."""
    null_in_parity(bundle, missing="nan")
    with pytest.raises(BundleCorruptError, match="differs by nan from its parity rows"):
        audit(bundle, sha256_of(bundle / MANIFEST_NAME))


def test_a_loaded_model_that_goes_wrong_is_at_fault(
    bundle: Path, ref: BundleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other scores, no numbers, another shape or an exception: what passed the audit no longer holds."""
    model = audit(bundle, ref.sha256)
    model.check_parity()
    expected = np.array(model.manifest.parity.scores, dtype=np.float32)

    def fail(_: object) -> Any:
        raise RuntimeError("out of memory")

    for scores in (expected + 1e-3, expected * np.nan, expected[:-1]):
        monkeypatch.setattr(model.onnx, "score", lambda _, scores=scores: scores)
        with pytest.raises(ModelFaultError, match="model 1 differs by"):
            model.check_parity()
    monkeypatch.setattr(model.onnx, "score", fail)
    with pytest.raises(ModelFaultError, match="model 1 fails on its parity rows: out of memory"):
        model.check_parity()

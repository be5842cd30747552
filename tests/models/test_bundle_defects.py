"""The audit rejects every kind of defect in a bundle with a specific one-line error."""

from pathlib import Path

import pytest

from schemas.errors import BundleCorruptError, BundleError, BundleIncompatibleError, BundleMissingError
from schemas.manifest import MANIFEST_NAME, MODEL_NAME, NaturalMovement, Parity, ReferenceProfile
from schemas.messages import BundleRef
from stream.models.bundle import audit
from tests.models.bundle_edits import (
    Edit,
    add_nested_file,
    edit_first_feature,
    edit_manifest,
    edit_manifest_json,
    list_file,
    list_folder,
    null_in_parity,
    parity_off,
    parity_shape,
    repeat_feature,
    replace_model,
    sha256_of,
)
from tests.models.graphs import first_rows, row_means

WIDTH = 4
_MOVEMENT = NaturalMovement(500, 10, 0.1, 0.1)
#: For each defect: the edit that causes it (the reference has the edited manifest's hash), the expected error class,
#: and part of the error's text.
DEFECTS: dict[str, tuple[Edit, type[BundleError], str]] = {
    # Files
    "the model was changed": (
        lambda bundle: (bundle / MODEL_NAME).write_bytes(row_means(None, WIDTH)),
        BundleCorruptError,
        "model.onnx does not have the SHA-256",
    ),
    "the model is missing": (
        lambda bundle: (bundle / MODEL_NAME).unlink(),
        BundleMissingError,
        "model.onnx is not in the bundle",
    ),
    "the model is not listed": (edit_manifest(files={}), BundleCorruptError, "no hash for model.onnx"),
    "a file is missing": (list_file("more.txt"), BundleMissingError, "more.txt is not in the bundle"),
    "a file is a folder": (list_folder, BundleMissingError, "more is not in the bundle"),
    "an unlisted file": (
        lambda bundle: (bundle / "extra.txt").touch(),
        BundleCorruptError,
        "extra.txt is in the bundle but not in its manifest",
    ),
    "an unlisted nested file": (
        add_nested_file,
        BundleCorruptError,
        "a/b/c is in the bundle but not in its manifest",
    ),
    "a path upwards": (list_file("../../../secret"), BundleCorruptError, "../../../secret, which is outside"),
    "an absolute path": (list_file("/etc/hostname"), BundleCorruptError, "/etc/hostname, which is outside"),
    "a path with a NUL": (list_file("a\0b"), BundleCorruptError, "is not a valid file name"),
    # Manifest
    "the manifest is missing": (
        lambda bundle: (bundle / MANIFEST_NAME).unlink(),
        BundleMissingError,
        "manifest.json is not in the bundle",
    ),
    "the manifest is garbage": (
        lambda bundle: (bundle / MANIFEST_NAME).write_bytes(b"\xff{"),
        BundleCorruptError,
        "cannot read manifest.json",
    ),
    "a later format version": (
        edit_manifest_json(lambda fields: fields.update(format_version=2)),
        BundleCorruptError,
        "format_version",
    ),
    "no features": (edit_manifest_json(lambda fields: fields.update(features=[])), BundleCorruptError, "features"),
    "review above decline": (
        edit_manifest_json(lambda fields: fields["policy"].update(review=0.9, decline=0.1)),
        BundleCorruptError,
        "above decline",
    ),
    "a feature named twice": (repeat_feature, BundleIncompatibleError, "lists a feature twice"),
    "an unknown kind of feature": (
        edit_manifest_json(lambda fields: fields["features"][0].update(kind="embedding")),
        BundleCorruptError,
        "Invalid enum value",
    ),
    "a category that is not a string": (
        edit_manifest_json(lambda fields: fields["features"][0].update(kind="categorical", categories=["a", 7])),
        BundleCorruptError,
        "$.features[0].categories[1]",
    ),
    "a categorical feature without categories": (
        edit_first_feature(kind="categorical"),
        BundleIncompatibleError,
        "feature V1 is categorical and has 0 categories",
    ),
    "a numeric feature with categories": (
        edit_first_feature(categories=("a",)),
        BundleIncompatibleError,
        "feature V1 is numeric and has 1 categories",
    ),
    "a derived feature with categories": (
        edit_first_feature(kind="log_amount", categories=("a", "b")),
        BundleIncompatibleError,
        "feature V1 is log_amount and has 2 categories",
    ),
    "a repeated category": (
        edit_first_feature(kind="categorical", categories=("a", "b", "a")),
        BundleIncompatibleError,
        "feature V1 lists a category twice",
    ),
    "a median beyond the categories": (
        edit_first_feature(kind="categorical", categories=("a", "b"), median=2.0),
        BundleIncompatibleError,
        "the median of feature V1 is not an index",
    ),
    "a median between two categories": (
        edit_first_feature(kind="categorical", categories=("a", "b"), median=0.5),
        BundleIncompatibleError,
        "the median of feature V1 is not an index",
    ),
    "an expected_loss policy without a cost": (
        edit_manifest_json(lambda fields: fields["policy"].update(kind="expected_loss")),
        BundleCorruptError,
        "needs a review_cost_minor",
    ),
    "a reference with too few counts": (
        edit_manifest(reference={"V1": ReferenceProfile((0.0, 1.0), (10, 20), (0.0, 1.0))}),
        BundleIncompatibleError,
        "2 bin counts for 2 edges",
    ),
    "a reference with equal edges": (
        edit_manifest(score_reference=ReferenceProfile((1.0, 1.0), (10, 20, 30), (0.0, 1.0))),
        BundleIncompatibleError,
        "reference of the score",
    ),
    "a reference with falling quantiles": (
        edit_manifest(reference={"V1": ReferenceProfile((0.0,), (10, 20), (1.0, 0.0))}),
        BundleIncompatibleError,
        "quantiles of V1 are not in ascending order",
    ),
    "natural movement with equal window sizes": (
        edit_manifest(reference={"V1": ReferenceProfile((0.0,), (10, 20), (0.0, 1.0), 0, (_MOVEMENT, _MOVEMENT))}),
        BundleIncompatibleError,
        "window sizes of V1",
    ),
    "a reference for an unknown feature": (
        edit_manifest(reference={"V9": ReferenceProfile((), (), ())}),
        BundleIncompatibleError,
        "reference for V9, which is not a feature",
    ),
    # Parity
    "no parity rows": (parity_shape(0, WIDTH, 0), BundleIncompatibleError, "parity row, 4 values in each row"),
    "parity rows too narrow": (parity_shape(2, WIDTH - 1, 2), BundleIncompatibleError, "4 values in each row"),
    "too few parity scores": (parity_shape(2, WIDTH, 1), BundleIncompatibleError, "one score for each row"),
    "a missing value in a parity row": (null_in_parity, BundleIncompatibleError, "but the policy 'median' never"),
    "a parity score off": (
        parity_off(1e-3),
        BundleCorruptError,
        "differs by 0.001 from its parity scores; a difference of at most 1e-06 is allowed",
    ),
    # Model
    "a garbage model": (replace_model(b"no model"), BundleIncompatibleError, "is not an ONNX model"),
    "a model of another width": (replace_model(row_means(None, 9)), BundleIncompatibleError, "must take one float32"),
    "a model that scores only some of its rows": (
        replace_model(first_rows(WIDTH, 1), parity=Parity(((0.0,) * WIDTH,) * 2, (0.5, 0.5))),
        BundleCorruptError,
        "from its parity scores",
    ),
    "a model that scores only as many rows as it has parity rows": (
        replace_model(first_rows(WIDTH, 2), parity=Parity(((0.0,) * WIDTH,) * 2, (0.5, 0.5))),
        BundleIncompatibleError,
        "returns scores of shape (2,) for 3 rows",
    ),
}


@pytest.mark.parametrize(("edit", "error", "text"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_refused(edit: Edit, error: type[BundleError], text: str, bundle: Path, ref: BundleRef) -> None:
    """The audit raises an error of the expected class, whose one-line text names the defect."""
    edit(bundle)
    manifest = bundle / MANIFEST_NAME
    sha256 = sha256_of(manifest) if manifest.exists() else ref.sha256
    with pytest.raises(BundleError) as caught:
        audit(bundle, sha256)
    assert type(caught.value) is error
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)

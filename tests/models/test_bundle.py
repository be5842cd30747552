"""Reading a bundle: a valid bundle is loaded as a model, whose parity can be checked again at any time."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import BundleCorruptError, ModelFaultError
from schemas.manifest import MANIFEST_NAME, Feature
from schemas.messages import BundleRef
from stream.models.bundle import audit, read_bundle
from stream.models.bundle_store import BundleStore
from tests.models.bundle_edits import edit_manifest, edit_manifest_json, null_in_parity, parity_off, sha256_of
from tests.support.bundles import put_bundle

WIDTH = 4


def test_a_manifest_other_than_the_published_one_is_refused(bundle: Path, ref: BundleRef) -> None:
    """A manifest with an unexpected hash is rejected before any file that it lists is read."""
    edit_manifest(version="2")(bundle)
    with pytest.raises(BundleCorruptError, match=r"manifest.json does not have the SHA-256 that was published"):
        audit(bundle, ref.sha256)


def test_a_good_bundle_becomes_a_model(store: Path, ref: BundleRef) -> None:
    """The loaded model has the bundle's manifest, hash and feature plan, and returns scores."""
    model = read_bundle(BundleStore(str(store)), ref)
    assert (model.manifest.version, model.sha256) == ("1", ref.sha256)
    assert model.plan.names == ("V1", "V2", "V3", "Amount")
    scores = model.score(np.zeros((3, WIDTH), dtype=np.float32))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(4)), atol=1e-6)


def test_a_bundle_with_every_kind_of_feature_becomes_a_model(tmp_path: Path) -> None:
    """The model's feature plan reads numbers and strings by name, and derives the other features."""
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


def test_extra_files_are_allowed_if_the_manifest_lists_them(bundle: Path) -> None:
    """A bundle may contain extra files, even in folders, if its manifest lists them; MLflow adds such files."""
    extra = bundle / "metadata" / "MLmodel"
    extra.parent.mkdir()
    extra.write_text("flavors: {}")
    edit_manifest_json(lambda fields: fields["files"].update({"metadata/MLmodel": sha256_of(extra)}))(bundle)
    assert audit(bundle, sha256_of(bundle / MANIFEST_NAME)).manifest.version == "1"


@pytest.mark.parametrize("changes", [{"version": "2"}, {"name": "other"}])
def test_a_bundle_with_another_name_or_version_is_refused(changes: dict[str, str], store: Path, ref: BundleRef) -> None:
    """A bundle is rejected if the name or version in its manifest differs from the reference."""
    with pytest.raises(BundleCorruptError, match=r"says fraud/1, but it was published as .*; publish the bundle again"):
        read_bundle(BundleStore(str(store)), msgspec.structs.replace(ref, **changes))


def test_a_difference_within_the_tolerance_passes(bundle: Path) -> None:
    """The parity check allows small differences, because scores differ in the last digits between processors."""
    parity_off(5e-7)(bundle)
    audit(bundle, sha256_of(bundle / MANIFEST_NAME)).check_parity()


def test_a_missing_value_in_a_parity_row_reaches_the_model(bundle: Path) -> None:
    """If the policy passes NaN to the model, the parity check also covers the tree branches for missing values."""
    null_in_parity(bundle, missing="nan")
    with pytest.raises(BundleCorruptError, match="differs by nan from its parity scores"):
        audit(bundle, sha256_of(bundle / MANIFEST_NAME))


def test_a_loaded_model_that_fails_parity_is_at_fault(
    bundle: Path, ref: BundleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check_parity` raises on wrong scores, NaN, a wrong shape or an exception, even if the audit passed."""
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

"""The checks of the bundle itself: audit, parity, size, cost and card each pass a good bundle and fail a bad one."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from schemas.manifest import MODEL_NAME, Parity
from tests.training.validation.models import (
    edit_manifest,
    make_bundle,
    make_costly,
    manifest_hash,
    manifest_of,
    read,
    scores,
)
from training.validation.audit import check_audit
from training.validation.card import check_card_text
from training.validation.cost import ROWS, check_cost, rows_to_time
from training.validation.parity import check_parity
from training.validation.size import check_size
from training.validation.thresholds import DEFAULT


def test_a_good_bundle_passes_its_audit(champion: Path) -> None:
    """The audit returns the model."""
    result, model = check_audit(champion, manifest_hash(champion))
    assert result.outcome == "passed"
    assert model is not None


def test_a_tampered_bundle_fails_its_audit(champion: Path) -> None:
    """A changed model file, an additional file or another hash fails, and there is no model to check further."""
    sha256 = manifest_hash(champion)
    assert check_audit(champion, "0" * 64)[0].outcome == "failed"
    (champion / "readme.txt").write_text("more")
    assert "readme.txt is in the bundle but not in its manifest" in check_audit(champion, sha256)[0].text
    (champion / "readme.txt").unlink()
    (champion / MODEL_NAME).write_bytes((champion / MODEL_NAME).read_bytes() + b"\0")
    result, model = check_audit(champion, sha256)
    assert (result.outcome, model) == ("failed", None)
    assert result.text == "model.onnx does not have the SHA-256 that was published; publish the bundle again"


def test_a_folder_without_a_manifest_fails_its_audit(tmp_path: Path) -> None:
    """What is not a bundle at all fails like a bad bundle."""
    result, _ = check_audit(tmp_path, "")
    assert result.outcome == "failed"
    assert "manifest.json is not in the bundle" in result.text


def test_parity_needs_rows_and_equal_scores(champion: Path) -> None:
    """The writer of a bundle chooses its rows and its tolerance, so both are limited here."""
    assert check_parity(read(champion), DEFAULT.parity).outcome == "passed"
    parity = manifest_of(champion).parity
    edit_manifest(champion, parity=Parity(parity.rows[:3], parity.scores[:3]))
    few = check_parity(read(champion), DEFAULT.parity)
    assert (few.outcome, few.text) == ("failed", "3 parity rows, fewer than 16; export the bundle again")
    moved = tuple(score + 5e-6 for score in parity.scores)
    edit_manifest(champion, parity=Parity(parity.rows, moved, tolerance=1e-5))
    strict = replace(DEFAULT.parity, max_difference=1e-6)
    assert "a parity score differs by " in check_parity(read(champion), strict).text
    assert check_parity(read(champion), DEFAULT.parity).outcome == "passed"


def test_size_counts_every_file(champion: Path) -> None:
    """All files count, in folders too."""
    small = check_size(champion, DEFAULT.size)
    assert small.outcome == "passed"
    (champion / "extra").mkdir()
    (champion / "extra" / "weights.bin").write_bytes(bytes(2_000_000))
    large = check_size(champion, replace(DEFAULT.size, max_mb=1.5))
    assert large.outcome == "failed"
    assert large.figures["bundle_mb"] == pytest.approx(small.figures["bundle_mb"] + 2)


def test_a_costly_model_fails(champion: Path, tmp_path: Path) -> None:
    """A model with the same scores that costs more than twenty times as much fails; the champion itself does not."""
    costly = make_bundle(tmp_path / "costly")
    make_costly(costly)
    slow, fast = read(costly), read(champion)
    rows = rows_to_time(fast, None)
    np.testing.assert_array_equal(scores(costly, rows), scores(champion, rows))
    result = check_cost(slow, rows, fast, rows, DEFAULT.cost)
    assert result.outcome == "failed"
    assert result.figures["ratio"] > 20
    assert result.text.endswith("µs per transaction)")
    assert check_cost(fast, rows, fast, rows, DEFAULT.cost).outcome == "passed"


def test_a_negligible_cost_passes_at_any_ratio(champion: Path, tmp_path: Path) -> None:
    """Below the limit in µs, the ratio says nothing about what a worker can do."""
    costly = make_bundle(tmp_path / "costly")
    make_costly(costly)
    rows = rows_to_time(read(champion), None)
    generous = replace(DEFAULT.cost, negligible_us=1e6)
    result = check_cost(read(costly), rows, read(champion), rows, generous)
    assert (result.outcome, result.figures["ratio"] > 20) == ("passed", True)


def test_rows_to_time_are_always_as_many(champion: Path) -> None:
    """Few rows are repeated, and without rows the parity rows are, so that times are comparable."""
    model = read(champion)
    few = np.arange(10, dtype=np.float32).reshape(2, 5)
    assert rows_to_time(model, few).shape == (ROWS, 5)
    np.testing.assert_array_equal(rows_to_time(model, few)[:4], np.concatenate([few, few]))
    np.testing.assert_array_equal(rows_to_time(model, None)[0], np.array(model.manifest.parity.rows[0], np.float32))


def test_a_card_needs_its_sections() -> None:
    """A card that lacks sections fails, and the reason names them."""
    card = "# Model card\n" + "".join(f"\n## {name}\n" for name in DEFAULT.card.sections)
    assert check_card_text(card, DEFAULT.card).outcome == "passed"
    result = check_card_text(card.replace("## Limits", "Limits"), DEFAULT.card)
    assert (result.outcome, result.text) == (
        "failed",
        "the model card has no section Limits; register the model again",
    )
    assert check_card_text("", DEFAULT.card).outcome == "failed"

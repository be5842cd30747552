"""Models are judged only on transactions that they have not seen, and using a test set is counted."""

from pathlib import Path

import polars as pl
import pytest

from schemas.errors import DataError
from schemas.manifest import TrainingWindow
from tests.training.validation.conftest import LoadFrame
from tests.training.validation.models import ROWS, START_MS, edit_manifest, make_bundle, read
from training.data.dataset import Dataset
from training.data.test_set import CountedEvaluation
from training.validation.evaluation_rows import RejectsAllError, UnseenRows, card_numbers


@pytest.fixture
def counted() -> list[CountedEvaluation]:
    """The evaluations that were recorded."""
    return []


def window(data: Dataset, rows: int, *, same_file: bool) -> TrainingWindow:
    """Return the window of a model that was trained on the first rows of the data, or of another file."""
    sha256 = data.sha256 if same_file else "0" * 64
    return TrainingWindow(START_MS, int(data.event_time_ms[rows]), rows, 1, sha256)


def test_another_file_begins_after_the_training_window(
    rows: pl.DataFrame, load_frame: LoadFrame, champion: Path, counted: list[CountedEvaluation]
) -> None:
    """Rows from the training window are left out, and nothing is counted."""
    data = load_frame(rows)
    edit_manifest(champion, training_window=window(data, 5000, same_file=False))
    unseen = UnseenRows(data, read(champion), counted.append)
    assert len(unseen.accepted) == ROWS - 5000
    assert unseen.accepted.event_time_ms[0] == data.event_time_ms[5000]
    assert counted == []


def test_in_its_own_file_a_model_is_judged_on_the_test_set(
    rows: pl.DataFrame, load_frame: LoadFrame, champion: Path, counted: list[CountedEvaluation]
) -> None:
    """The validation split calibrated the model, so only the last fifth is left; its use is counted."""
    data = load_frame(rows)
    edit_manifest(champion, training_window=window(data, ROWS * 6 // 10, same_file=True))
    unseen = UnseenRows(data, read(champion), counted.append, evaluations=2)
    assert len(unseen.accepted) == ROWS // 5
    assert counted == [CountedEvaluation(3, "validation", data.sha256)]


def test_a_random_sample_leaves_nothing_to_judge_on(
    rows: pl.DataFrame, load_frame: LoadFrame, champion: Path, counted: list[CountedEvaluation]
) -> None:
    """After a stratified split, every period has rows that the model was fitted on."""
    data = load_frame(rows)
    early = TrainingWindow(START_MS, int(data.event_time_ms[3]), ROWS * 6 // 10, 1, data.sha256)
    edit_manifest(champion, training_window=early)
    with pytest.raises(DataError, match="was trained on a random sample of this file"):
        UnseenRows(data, read(champion), counted.append)
    assert counted == []


def test_old_data_are_refused(
    rows: pl.DataFrame, load_frame: LoadFrame, champion: Path, counted: list[CountedEvaluation]
) -> None:
    """A file that ends before the training window's end says so."""
    data = load_frame(rows)
    later = TrainingWindow(START_MS, START_MS + 10**12, 1, 1, "0" * 64)
    edit_manifest(champion, training_window=later)
    with pytest.raises(DataError, match=r"^all 20,000 transactions are from before the end of the training window"):
        UnseenRows(data, read(champion), counted.append)


def test_both_models_must_be_new_to_the_rows(
    rows: pl.DataFrame, load_frame: LoadFrame, champion: Path, tmp_path: Path
) -> None:
    """The later of the two windows applies, and rows that either model rejects are left out."""
    holes = rows.with_columns(V1=pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise(pl.col("V1")))
    data = load_frame(holes)
    candidate = make_bundle(tmp_path / "candidate")
    edit_manifest(candidate, training_window=window(data, 5000, same_file=False))
    edit_manifest(champion, training_window=window(data, 8000, same_file=False), missing="refuse")
    unseen = UnseenRows(data, read(candidate), lambda _: None)
    assert len(unseen.accepted) == ROWS - 5000
    both = unseen.accepted_by_both(read(champion))
    assert len(both) == (ROWS - 8000) * 9 // 10
    assert both.event_time_ms[0] > data.event_time_ms[8000]


def test_rejecting_all_rows_is_an_error_of_its_own(rows: pl.DataFrame, load_frame: LoadFrame, tmp_path: Path) -> None:
    """It is the model's fault, not that of the data, so it differs from having no rows to judge on."""
    data = load_frame(rows.with_columns(V1=pl.lit(None, dtype=pl.Float64)))
    strict = make_bundle(tmp_path / "strict")
    edit_manifest(strict, missing="refuse")
    with pytest.raises(RejectsAllError, match="rejects all 20,000 transactions, because values are missing"):
        UnseenRows(data, read(strict), lambda _: None)


def test_rejecting_all_rows_of_the_champion_is_an_error_of_its_own(
    rows: pl.DataFrame, load_frame: LoadFrame, champion: Path, tmp_path: Path
) -> None:
    """Rows that the champion has seen do not count; if it rejects all others itself, the candidate is not at fault."""
    holes = rows.with_columns(V1=pl.when(pl.int_range(pl.len()) >= 8000).then(None).otherwise(pl.col("V1")))
    data = load_frame(holes)
    edit_manifest(champion, training_window=window(data, 8000, same_file=False))
    strict = make_bundle(tmp_path / "strict")
    edit_manifest(strict, missing="refuse")
    unseen = UnseenRows(data, read(strict), lambda _: None)
    assert len(unseen.accepted) == 8000
    with pytest.raises(RejectsAllError, match="rejects all 12,000 transactions that the champion accepts"):
        unseen.accepted_by_both(read(champion))
    edit_manifest(champion, missing="refuse")
    with pytest.raises(DataError, match="the champion rejects all 12,000 transactions") as error:
        unseen.accepted_by_both(read(champion))
    assert not isinstance(error.value, RejectsAllError)


def test_cards_are_numbered(rows: pl.DataFrame, load_frame: LoadFrame) -> None:
    """Rows of one card share a number; without a card column, synthetic ids would join unrelated rows."""
    data = load_frame(rows.with_columns(card=pl.format("card-{}", pl.int_range(pl.len()) % 7)))
    numbers = card_numbers(data)
    assert len(set(numbers.tolist())) == 7
    assert numbers[0] == numbers[7] != numbers[1]

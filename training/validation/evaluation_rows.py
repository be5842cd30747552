"""Choose the labelled transactions on which models may be judged: those that they have not seen in training."""

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DataError
from schemas.manifest import Manifest
from stream.models.bundle import LoadedModel
from training.data.dataset import Dataset
from training.data.split import TEST_FROM, boundary
from training.data.test_set import CountedTestSet, OnEvaluation
from training.drift.counting import accepted_rows

#: Recorded as the reason for which a test set is evaluated.
REASON = "validation"


class RejectsAllError(DataError):
    """The candidate rejects every transaction on which it could be judged, so it would decide none of them."""


class UnseenRows:
    """The labelled transactions that a candidate has not seen.

    If the data are the file that the candidate was trained on, these are its test set, and opening it is counted.

    Args:
        data: Labelled transactions in order of event time.
        candidate: Model to judge.
        on_evaluation: Records the evaluation of a test set before a row is returned.
        evaluations: Number of earlier validations on the same test set.

    Raises:
        DataError: If the candidate has seen all transactions, or the data lack a feature of it.
        RejectsAllError: If it rejects all transactions that it has not seen.
    """

    def __init__(
        self, data: Dataset, candidate: LoadedModel, on_evaluation: OnEvaluation, evaluations: int = 0
    ) -> None:
        self._data = data
        self._candidate = candidate
        self._first = first_unseen(data, candidate.manifest)
        rows = data.part(slice(self._first, len(data)))
        if data.sha256 == candidate.manifest.training_window.data_sha256:
            rows = CountedTestSet(rows, on_evaluation, evaluations=evaluations).open(REASON)
        self._rows = rows
        #: Transactions that the candidate accepts.
        self.accepted = accepted_rows(rows, candidate.plan)
        if not len(self.accepted):
            raise RejectsAllError(f"the model rejects all {len(rows):,} transactions, because values are missing")

    def accepted_by_both(self, champion: LoadedModel) -> Dataset:
        """Return the transactions that the champion has not seen either, and that both models accept.

        Raises:
            DataError: If the champion accepts none, or the data lack a feature of it.
            RejectsAllError: If the candidate accepts none of those that the champion accepts.
        """
        first = max(first_unseen(self._data, champion.manifest), self._first)
        rows = self._rows.part(slice(first - self._first, len(self._rows)))
        by_champion = accepted_rows(rows, champion.plan)
        if not len(by_champion):
            raise DataError(f"the champion rejects all {len(rows):,} transactions, because values are missing")
        both = accepted_rows(by_champion, self._candidate.plan)
        if not len(both):
            text = f"the model rejects all {len(by_champion):,} transactions that the champion accepts"
            raise RejectsAllError(f"{text}, because values are missing")
        return both


def first_unseen(data: Dataset, manifest: Manifest) -> int:
    """Return the number of the first row that a model has not seen, neither when fitted nor when calibrated.

    In the file that the model was trained on, that is the first row of its test set. In another file, it is the first
    row after the training window. The manifest does not say how long the following validation split was, on which the
    model was calibrated, so another file should begin later than that.

    Args:
        data: Rows in order of event time.
        manifest: Manifest of the model's bundle.

    Raises:
        DataError: If the model was trained on a random sample of these rows, so that every period contains rows that
            it has seen; or if it has seen all rows.
    """
    window = manifest.training_window
    start = int(np.searchsorted(data.event_time_ms, window.end_ms, side="left"))
    if data.sha256 == window.data_sha256:
        if start != window.rows:
            raise DataError(
                f"model {manifest.version} was trained on a random sample of this file, not on its first part; give "
                "later transactions"
            )
        start = boundary(data.event_time_ms, TEST_FROM)
    if start >= len(data):
        raise DataError(
            f"all {len(data):,} transactions are from before the end of the training window of model "
            f"{manifest.version}; give later transactions"
        )
    return start


def card_numbers(data: Dataset) -> NDArray[np.int64]:
    """Return a number (n,) for each row, equal for the rows of one card; without card ids, every row has its own."""
    if data.description.card is None:
        return np.arange(len(data), dtype=np.int64)
    _, numbers = np.unique(data.card_id.astype(str), return_inverse=True)
    return numbers.astype(np.int64)

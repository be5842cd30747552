"""What a bundle is validated with, besides its own files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas.manifest import Manifest
from stream.drift.alarm_rule import DriftLimits
from stream.models.bundle import LoadedModel
from stream.settings import Settings
from training.data.dataset import Dataset
from training.data.test_set import CountedEvaluation
from training.validation.check import CheckResult
from training.validation.newest import NewestTransactions


@dataclass(frozen=True)
class Missing:
    """Says why something that checks need is missing."""

    reason: str


class EvaluationLog(Protocol):
    """Counts how often the test set of a model's training data is used for validation."""

    def count(self, manifest: Manifest) -> int:
        """Return the number of earlier validations on the test set."""

    def record(self, manifest: Manifest, evaluation: CountedEvaluation) -> None:
        """Record a validation before a row of the test set is used."""


@dataclass(frozen=True)
class Evidence:
    """What a bundle is validated with.

    Attributes:
        champion: Model to compare with.
        data: Labelled transactions, in order of event time.
        newest: Function that reads a number of newest transactions from the archive.
        drift_limits: Limits of the live drift monitor.
        card: Check of the model card, given the manifest.
        evaluations: Log of the evaluations of test sets.
    """

    champion: LoadedModel | Missing
    data: Dataset | Missing
    newest: Callable[[int], NewestTransactions]
    drift_limits: DriftLimits
    card: Callable[[Manifest], CheckResult]
    evaluations: EvaluationLog


def archive_reader(settings: Settings) -> Callable[[int], NewestTransactions]:
    """Return a function that reads a number of newest transactions from the archive in the settings."""
    return lambda rows: NewestTransactions(settings.archive.url, rows, settings.scoring.max_transaction_bytes)

"""Confusion counts of a model on transactions with an outcome, and the rates derived from them."""

from msgspec import Struct


class Confusion(Struct, frozen=True):
    """Counts of transactions; positive means that the model reviewed or declined it.

    Each rate is in [0, 1], or None if its denominator is 0.

    Example:
        >>> counted = Confusion(true_positive=6, false_positive=4, true_negative=88, false_negative=2)
        >>> (counted.accuracy, counted.precision, counted.recall, round(counted.f1, 2))
        (0.94, 0.6, 0.75, 0.67)
        >>> (round(counted.false_positive_rate, 3), counted.false_negative_rate)
        (0.043, 0.25)
        >>> Confusion(0, 0, 5, 0).precision is None
        True
    """

    #: Alerted frauds.
    true_positive: int
    #: Alerted legitimate transactions.
    false_positive: int
    #: Legitimate transactions without an alert.
    true_negative: int
    #: Frauds without an alert.
    false_negative: int

    @property
    def accuracy(self) -> float | None:
        """Share of correct verdicts. If one transaction in a thousand is fraud, never alerting reaches 0.999."""
        right, wrong = self.true_positive + self.true_negative, self.false_positive + self.false_negative
        return _share(right, right + wrong)

    @property
    def precision(self) -> float | None:
        """Share of alerts that are frauds."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float | None:
        """Share of frauds that are alerted."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2·tp / (2·tp + fp + fn)."""
        twice = 2 * self.true_positive
        return _share(twice, twice + self.false_positive + self.false_negative)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of legitimate transactions that are alerted."""
        return _share(self.false_positive, self.false_positive + self.true_negative)

    @property
    def false_negative_rate(self) -> float | None:
        """Share of frauds that are not alerted."""
        return _share(self.false_negative, self.false_negative + self.true_positive)


def _share(part: int, total: int) -> float | None:
    return part / total if total else None

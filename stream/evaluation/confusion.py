"""A model's confusion counts on transactions with an outcome, and the rates derived from these counts."""

from msgspec import Struct


class Confusion(Struct, frozen=True):
    """Numbers of transactions by verdict and outcome; positive means that the model reviewed or declined.

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

    #: Frauds with an alert.
    true_positive: int
    #: Legitimate transactions with an alert.
    false_positive: int
    #: Legitimate transactions without an alert.
    true_negative: int
    #: Frauds without an alert.
    false_negative: int

    @property
    def accuracy(self) -> float | None:
        """Share of correct verdicts; not useful for rare fraud: at 1 in 1,000, a model that never alerts has 0.999."""
        right, wrong = self.true_positive + self.true_negative, self.false_positive + self.false_negative
        return _share(right, right + wrong)

    @property
    def precision(self) -> float | None:
        """Share of alerts that are frauds."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float | None:
        """Share of frauds that raise an alert."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2·tp / (2·tp + fp + fn)."""
        twice = 2 * self.true_positive
        return _share(twice, twice + self.false_positive + self.false_negative)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of legitimate transactions that raise an alert."""
        return _share(self.false_positive, self.false_positive + self.true_negative)

    @property
    def false_negative_rate(self) -> float | None:
        """Share of frauds that raise no alert."""
        return _share(self.false_negative, self.false_negative + self.true_positive)


def _share(part: int, total: int) -> float | None:
    return part / total if total else None

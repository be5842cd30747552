"""How often a model was right about transactions whose outcome is known, and how it was wrong."""

from msgspec import Struct


class Confusion(Struct, frozen=True):
    """Counts of transactions; positive are those that the model reviewed or declined.

    Each share is in [0, 1], and None where nothing is there to take it of.

    Example:
        >>> counted = Confusion(true_positive=6, false_positive=4, true_negative=88, false_negative=2)
        >>> (counted.accuracy, counted.precision, counted.recall, round(counted.f1, 2))
        (0.94, 0.6, 0.75, 0.67)
        >>> (round(counted.false_positive_rate, 3), counted.false_negative_rate)
        (0.043, 0.25)
        >>> Confusion(0, 0, 5, 0).precision is None
        True
    """

    #: Alerted, and fraud.
    true_positive: int
    #: Alerted, and legitimate.
    false_positive: int
    #: Not alerted, and legitimate.
    true_negative: int
    #: Not alerted, and fraud.
    false_negative: int

    @property
    def accuracy(self) -> float | None:
        """Share of all that the model was right about; where one in a thousand is fraud, silence has 0.999."""
        right, wrong = self.true_positive + self.true_negative, self.false_positive + self.false_negative
        return _share(right, right + wrong)

    @property
    def precision(self) -> float | None:
        """Share of the alerted that were fraud."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float | None:
        """Share of the frauds that were alerted."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2·tp / (2·tp + fp + fn)."""
        twice = 2 * self.true_positive
        return _share(twice, twice + self.false_positive + self.false_negative)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the legitimate that were alerted."""
        return _share(self.false_positive, self.false_positive + self.true_negative)

    @property
    def false_negative_rate(self) -> float | None:
        """Share of the frauds that were not alerted."""
        return _share(self.false_negative, self.false_negative + self.true_positive)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None

"""The result of an evaluation on the test set, as it is stored with the study."""

import msgspec
from msgspec import Struct, field

from schemas.manifest import Metric


class ModelFigures(Struct, frozen=True):
    """The metrics of one model on the test set.

    Attributes:
        name: Key of the study's entry, or the version of the registered model.
        algorithm: Model family.
        metrics: Metrics by name, each with its 95% bootstrap interval.
    """

    name: str
    algorithm: str
    metrics: dict[str, Metric]


class FinalEvaluation(Struct, frozen=True):
    """One evaluation on the test set.

    All evaluations are counted and stored, because a test set that is used often turns into another validation split.

    Attributes:
        number: Number of times that this study's test set has been evaluated, including this time.
        evaluated_at_ms: Time of the evaluation, UTC milliseconds.
        selected: Metrics of the study's chosen model.
        champion: Metrics of the champion; None if no champion is compared.
        differences: Differences by metric, chosen model minus champion, from a paired bootstrap on the same rows.
        left_out: Reason why a registered champion is not compared; empty if it is compared or none is registered.
    """

    number: int
    evaluated_at_ms: int = field(name="looked_at_ms")
    selected: ModelFigures
    champion: ModelFigures | None = None
    differences: dict[str, Metric] = {}
    left_out: str = ""


def encode_evaluation(evaluation: FinalEvaluation) -> bytes:
    """Encode an evaluation as JSON."""
    return msgspec.json.format(msgspec.json.encode(evaluation), indent=1)


def decode_evaluation(raw: bytes) -> FinalEvaluation:
    """Decode an evaluation from JSON."""
    return msgspec.json.decode(raw, type=FinalEvaluation)

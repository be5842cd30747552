"""The result of an evaluation on the test part, as it is stored with the study."""

import msgspec
from msgspec import Struct, field

from schemas.manifest import Metric


class ModelFigures(Struct, frozen=True):
    """The figures of one model on the test part.

    Attributes:
        name: Key of the study's entry, or the version of the registered model.
        algorithm: Model family.
        metrics: Metrics by name, each with its 95 % bootstrap interval.
    """

    name: str
    algorithm: str
    metrics: dict[str, Metric]


class FinalEvaluation(Struct, frozen=True):
    """One evaluation on the test part. All are counted and stored, because each makes the test part less unseen.

    Attributes:
        number: Number of times that this study's test part has been evaluated, including this time.
        evaluated_at_ms: Time of the evaluation, UTC milliseconds.
        selected: Figures of the study's chosen model.
        champion: Figures of the champion; None if there is none to compare with.
        differences: Chosen model minus champion by metric, from a paired bootstrap on the same resampled rows.
        left_out: Reason why a registered champion is not compared; empty if it is, or if there is none.
    """

    number: int
    evaluated_at_ms: int = field(name="looked_at_ms")
    selected: ModelFigures
    champion: ModelFigures | None = None
    differences: dict[str, Metric] = {}
    left_out: str = ""


def encode_evaluation(evaluation: FinalEvaluation) -> bytes:
    """Return an evaluation as JSON."""
    return msgspec.json.format(msgspec.json.encode(evaluation), indent=1)


def decode_evaluation(raw: bytes) -> FinalEvaluation:
    """Return the evaluation from its JSON."""
    return msgspec.json.decode(raw, type=FinalEvaluation)

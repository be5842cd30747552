"""Card figures: metrics for the model card that are not in the manifest, stored as a run's `evaluation.json`."""

import msgspec
from msgspec import Struct

from schemas.errors import RegistryError
from schemas.manifest import Metric
from schemas.messages import Policy
from training.evaluation.calibration import CalibrationBin, calibration_curve
from training.evaluation.figures import DEFAULTS, FigureSettings, as_comparison, evaluate
from training.evaluation.scored_rows import ScoredRows
from training.evaluation.slices import Slice, slice_figures

FIGURES_ARTIFACT = "evaluation.json"
#: Names of the operating points.
DEPLOYED, COMPARED = "deployed", "comparison"


class OperatingPoint(Struct, frozen=True):
    """The metrics of a model under a policy.

    Attributes:
        name: `DEPLOYED` or `COMPARED`.
        policy: Policy under which the metrics were measured.
        metrics: Metrics by name.
    """

    name: str
    policy: Policy
    metrics: dict[str, Metric]


class CardFigures(Struct, frozen=True):
    """Metrics of one model on the test set or the validation split.

    Attributes:
        part: Name of the data split on which the metrics were measured, "test" or "validation".
        slices: Metrics by slice of the transactions.
        calibration: Bins of the calibration curve.
        operating_points: Metrics under the deployed policy and under the comparison policy.
        limits: Limitations of this model besides those that every model has, each in one sentence.
    """

    part: str
    slices: tuple[Slice, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics under the deployed policy, and those that papers report under the comparison policy."""
        points = {point.name: point.metrics for point in self.operating_points}
        return points.get(DEPLOYED, {}) | as_comparison(points.get(COMPARED, {}))


def measure_card_figures(
    part: str, scored: ScoredRows, deployed: Policy, comparison: Policy, settings: FigureSettings = DEFAULTS
) -> CardFigures:
    """Measure the metrics for a model's card.

    Args:
        part: Name of the data split that the rows are from, "test" or "validation".
        scored: Rows with the model's scores.
        deployed: Policy in the bundle, under which slices are measured.
        comparison: Policy with the largest expected F1, which is never deployed.
        settings: Parameters of the metrics.
    """
    points = (
        OperatingPoint(name, policy, evaluate(scored, policy, settings))
        for name, policy in ((DEPLOYED, deployed), (COMPARED, comparison))
    )
    return CardFigures(
        part,
        slices=tuple(slice_figures(scored, deployed, settings)),
        calibration=tuple(calibration_curve(scored)),
        operating_points=tuple(points),
    )


def encode_figures(figures: CardFigures) -> bytes:
    """Return card figures as JSON, the content of the artifact."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=1)


def decode_figures(raw: bytes) -> CardFigures:
    """Return the card figures in the content of the artifact.

    Raises:
        RegistryError: If the content is not valid JSON of card figures.
    """
    try:
        return msgspec.json.decode(raw, type=CardFigures)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryError(f"{FIGURES_ARTIFACT} of the run is invalid ({error}); evaluate the model again") from error

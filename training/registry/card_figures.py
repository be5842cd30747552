"""What the evaluation tells a model card beyond the manifest's metrics: an artifact of the run, `evaluation.json`."""

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
#: Operating points.
DEPLOYED, COMPARED = "deployed", "comparison"


class OperatingPoint(Struct, frozen=True):
    """What a policy comes to."""

    #: `DEPLOYED` or `COMPARED`.
    name: str
    policy: Policy
    metrics: dict[str, Metric]


class CardFigures(Struct, frozen=True):
    """Everything of one model, on one part of the data."""

    #: Of the split: "test", "validation".
    part: str
    slices: tuple[Slice, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()
    #: What this model's users must know besides what holds for every model here; a sentence each.
    limits: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, Metric]:
        """All figures at the deployed point, and those of the comparison point that are worth telling."""
        points = {point.name: point.metrics for point in self.operating_points}
        return points.get(DEPLOYED, {}) | as_comparison(points.get(COMPARED, {}))


def measure_card(
    part: str, scored: ScoredRows, deployed: Policy, comparison: Policy, settings: FigureSettings = DEFAULTS
) -> CardFigures:
    """Measure what a card shows.

    Args:
        part: Of the split, that was scored.
        scored: By the model.
        deployed: Slices are measured under it.
        comparison: Never deployed.
        settings: Of the figures.
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
    """Write the artifact."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=1)


def decode_figures(raw: bytes) -> CardFigures:
    """Read the artifact.

    Raises:
        RegistryError: If it is not what it should be.
    """
    try:
        return msgspec.json.decode(raw, type=CardFigures)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryError(f"{FIGURES_ARTIFACT} of the run cannot be read ({error}); evaluate it again") from error

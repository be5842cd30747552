"""Figures for the model card that are not in the manifest, stored as the artifact `evaluation.json` of a run."""

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
    """Figures of one model on one part of the split.

    Attributes:
        part: Part of the split, "test" or "validation".
        slices: Figures by slice of the part.
        calibration: Bins of the calibration curve.
        operating_points: Metrics under the deployed policy and under the comparison policy.
        limits: Limitations of this model, beyond those of every model; one sentence each.
    """

    part: str
    slices: tuple[Slice, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics under the deployed policy, and those under the comparison policy that papers report."""
        points = {point.name: point.metrics for point in self.operating_points}
        return points.get(DEPLOYED, {}) | as_comparison(points.get(COMPARED, {}))


def measure_card_figures(
    part: str, scored: ScoredRows, deployed: Policy, comparison: Policy, settings: FigureSettings = DEFAULTS
) -> CardFigures:
    """Return the figures of a model for its card.

    Args:
        part: Part of the split that was scored.
        scored: Rows of the part with the scores of the model.
        deployed: Policy in the bundle; slices are measured under it.
        comparison: Policy with the largest expected F1, which is never deployed.
        settings: Settings of the figures.
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
    """Return the content of the artifact, as JSON."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=1)


def decode_figures(raw: bytes) -> CardFigures:
    """Return the figures from the content of the artifact.

    Raises:
        RegistryError: If the content is invalid.
    """
    try:
        return msgspec.json.decode(raw, type=CardFigures)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryError(f"{FIGURES_ARTIFACT} of the run cannot be read ({error}); evaluate it again") from error

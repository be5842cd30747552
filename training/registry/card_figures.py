"""What the evaluation tells a model card beyond the manifest's metrics: an artifact of the run, `evaluation.json`."""

import msgspec
from msgspec import Struct

from schemas.errors import RegistryError
from schemas.manifest import Metric
from schemas.messages import Policy
from training.evaluation.calibration import CalibrationBin
from training.evaluation.slices import Slice

FIGURES_ARTIFACT = "evaluation.json"


class OperatingPoint(Struct, frozen=True):
    """What a policy comes to."""

    #: "comparison" or "deployed".
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


def decode_figures(raw: bytes) -> CardFigures:
    """Read the artifact.

    Raises:
        RegistryError: If it is not what it should be.
    """
    try:
        return msgspec.json.decode(raw, type=CardFigures)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryError(f"{FIGURES_ARTIFACT} of the run cannot be read ({error}); evaluate it again") from error

"""The limits of the checks, read strictly from a YAML file; `training/configs/validation.yaml` explains each."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.errors import DataError
from training.data.config_files import built_in_config, read_config
from training.validation.alerts import CompareAt
from training.validation.check import CheckName

Use = Literal["validate", "register", "watch"]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Positive = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=1)]


class RequiredChecks(Struct, frozen=True, forbid_unknown_fields=True):
    """The checks that must have run, for each command."""

    validate: tuple[CheckName, ...]
    register: tuple[CheckName, ...]
    watch: tuple[CheckName, ...]

    def of(self, use: Use) -> tuple[CheckName, ...]:
        """Return the checks that a command requires."""
        required: tuple[CheckName, ...] = getattr(self, use)
        return required


class ComparedAt(Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts the slices compare, for each command."""

    validate: CompareAt
    register: CompareAt
    watch: CompareAt

    def of(self, use: Use) -> CompareAt:
        """Return which alerts a command compares."""
        compare_at: CompareAt = getattr(self, use)
        return compare_at


class ParityLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the parity check."""

    min_rows: _Count
    max_difference: _Positive


class CalibrationLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the calibration check."""

    min_frauds: _Count
    max_ratio: Annotated[float, Meta(ge=1)]
    min_slope: _Share
    max_slope: Annotated[float, Meta(ge=1)]
    max_error_share: _Positive


class SliceLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the slices check."""

    compare_at: ComparedAt
    amount_edges: Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Meta(min_length=1)]
    max_categories: _Count
    min_frauds: _Count
    min_legitimate: _Count
    alpha: Annotated[float, Meta(gt=0, lt=1)]
    max_recall_loss: _Share
    max_false_positive_rise: _Share


class ReferenceDriftLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the drift check, in addition to the FRAUD_DRIFT_ settings."""

    windows: _Count
    fails_at: Literal["alarm", "page"]
    excuse_if_champion_drifted: bool
    max_rejected_share: _Share


class CostLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the cost check."""

    max_ratio: Annotated[float, Meta(ge=1)]
    negligible_us: Annotated[float, Meta(ge=0)]


class SizeLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the size check."""

    max_mb: _Positive


class CardLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the card check."""

    sections: tuple[str, ...]


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of all checks, without defaults, so that a file shows every limit that applies."""

    required: RequiredChecks
    parity: ParityLimits
    calibration: CalibrationLimits
    slices: SliceLimits
    drift: ReferenceDriftLimits
    cost: CostLimits
    size: SizeLimits
    card: CardLimits


#: The thresholds that apply unless a command gets a file.
DEFAULT = built_in_config("validation.yaml", Thresholds)


def read_thresholds(path: Path | None) -> Thresholds:
    """Read a user's file; None for the built-in thresholds.

    Raises:
        DataError: If the file cannot be read, lacks a key, has an unknown key, or has a value that is out of range.
    """
    if path is None:
        return DEFAULT
    thresholds = read_config(path, Thresholds)
    edges = thresholds.slices.amount_edges
    if edges[0] != 0 or list(edges) != sorted(set(edges)):
        raise DataError(f"{path}: slices.amount_edges must begin with 0 and ascend, in minor units")
    return thresholds

"""The limits of a release, read from a YAML file."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from deploy.release.errors import ReleaseError
from schemas.validation_error import problem_and_path

_Positive = Annotated[float, Meta(gt=0)]
_Share = Annotated[float, Meta(ge=0, le=1)]
DEFAULTS = Path(__file__).with_name("limits.yaml")


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How a release is judged. `limits.yaml` explains the values."""

    #: Minutes of transactions that the new release decides again before it starts.
    replay_minutes: _Positive
    #: Number of decisions that must have been made again.
    min_replayed: Annotated[int, Meta(ge=0)]
    #: Fields of a decision in which the release may differ from the old one. A release that declares any changes
    #: decisions on purpose.
    declared_differences: tuple[str, ...]
    #: Minutes for which both tracks decide, and minutes for which the new one is watched on its own.
    watch_minutes: _Positive
    alone_minutes: _Positive
    #: Seconds between two readings of the metrics.
    interval_s: _Positive
    #: Seconds after the start of a watch in which caches fill: CPU time and memory do not count yet.
    warm_up_s: _Positive
    #: Seconds for which an instance may be missing or not ready, or lag too high, before the release is rejected.
    patience_s: _Positive
    #: Largest share of HTTP requests with a status of 500 or above, and the number of errors below which it is not
    #: judged.
    error_share: _Share
    min_errors: Annotated[int, Meta(ge=1)]
    #: Largest number of transactions that a track may be behind.
    lag: _Positive
    #: Decisions of each track below which alert rate, scores and CPU time are not compared.
    min_decisions: Annotated[int, Meta(ge=1)]
    #: Largest ratio of the tracks' alert rates, in either direction, and its significance in standard errors.
    alert_rate_ratio: Annotated[float, Meta(gt=1)]
    alert_rate_sigmas: _Positive
    #: Largest distance between the tracks' score distributions (KS statistic).
    score_ks: _Share
    #: Largest ratio of the new track's CPU time per decision to the old one's.
    cpu_ratio: Annotated[float, Meta(gt=1)]
    #: Largest growth of a worker's memory after the warm-up, in MiB, beyond that of the old track's workers.
    memory_growth_mib: _Positive
    #: Largest growth of an edge's memory after the warm-up, in MiB.
    edge_memory_growth_mib: _Positive

    def __post_init__(self) -> None:
        if 60 * self.watch_minutes < self.warm_up_s + 2 * self.interval_s:
            raise ValueError("watch_minutes must be longer than warm_up_s and two times interval_s")


def read_limits(path: Path = DEFAULTS) -> Limits:
    """Read limits from a YAML file.

    Raises:
        ReleaseError: If the file cannot be read, or a limit is missing, unknown or out of range.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Limits)
    except OSError as error:
        raise ReleaseError(f"cannot read {path} ({error.strerror}); name a file with --limits") from None
    except msgspec.ValidationError as error:
        problem, where = problem_and_path(str(error))
        raise ReleaseError(f"{path}: {where or 'the file'}: {problem}; see {DEFAULTS.name}") from None
    except msgspec.DecodeError as error:
        raise ReleaseError(f"{path} is not YAML ({error}); see {DEFAULTS.name}") from None

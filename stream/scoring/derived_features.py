"""Features that are derived from a transaction's amount and event time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Derivation:
    """How one kind of feature is derived from one field of the transaction.

    Attributes:
        source: Field of the transaction.
        make: Function that computes (n,) values of the feature from (n,) values of the field, in double precision. The
            last digit of a logarithm or a sine depends on the processor, and rounding to float32 almost always removes
            the difference.
    """

    source: Literal["amount_minor", "event_time_ms"]
    make: Callable[[NDArray[np.int64]], NDArray[np.float64]]


def _amount(amount_minor: NDArray[np.int64]) -> NDArray[np.float64]:
    return amount_minor.astype(np.float64)  # exact up to 2^53, which is above the largest amount


def _log(amount_minor: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ln(1 + amount), because amounts span orders of magnitude; zero stays zero.

    >>> _log(np.array([0, 99])).round(3).tolist()
    [0.0, 4.605]
    """
    return np.log1p(amount_minor.astype(np.float64))


def _hour_sin(event_time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.sin(_angle(event_time_ms))


def _hour_cos(event_time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.cos(_angle(event_time_ms))


def _angle(event_time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the time of day (UTC) as an angle in [0, 2π), so that 23:59 is next to 00:00.

    >>> _angle(np.array([0, 18 * 3_600_000, 86_400_000])).round(3).tolist()
    [0.0, 4.712, 0.0]
    """
    return (event_time_ms % DAY_MS).astype(np.float64) * (2 * np.pi / DAY_MS)


#: Derivations by kind of feature; features of other kinds are read from the transaction.
DERIVED: dict[str, Derivation] = {
    "amount_minor": Derivation("amount_minor", _amount),
    "log_amount": Derivation("amount_minor", _log),
    "hour_sin": Derivation("event_time_ms", _hour_sin),
    "hour_cos": Derivation("event_time_ms", _hour_cos),
}

"""The model: faults arrive independently at constant rates, and each makes a share of the traffic wait for some time.

A transaction is *unavailable* if it cannot be decided at the time, whether it waits or its client gets an error. With
rates λᵢ per period and unavailable times tᵢ (duration times share of the traffic), the expected availability is
1 - Σ λᵢ·tᵢ / period. Faults in one period follow a compound Poisson distribution, computed exactly by Panjer's
recursion (H. H. Panjer, Recursive evaluation of a family of compound distributions, ASTIN Bulletin 12, 1981).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

DAY_S = 86_400
#: How traffic reaches the programs.
Side = Literal["http", "stream"]
SIDES: tuple[Side, ...] = ("http", "stream")
#: Where a duration comes from: from a command in this repository; from a setting or a program's default; from nowhere.
Basis = Literal["measured", "configured", "assumed"]


class Impact(Struct, frozen=True, forbid_unknown_fields=True):
    """What one occurrence of a fault does to one side."""

    #: Seconds for which traffic waits or fails, without the time that a person takes.
    seconds: Annotated[float, Meta(ge=0)]
    #: Share of the traffic that is affected.
    share: Annotated[float, Meta(gt=0, le=1)]
    basis: Basis
    #: Command, file or reasoning behind the duration and the share.
    source: str


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """A fault, its assumed rate, and its impact on each side; None if it has none."""

    name: str
    #: Assumed number of occurrences in 30 days.
    rate: Annotated[float, Meta(ge=0)]
    #: Reasoning behind the rate.
    because: str
    #: Whether recovery begins only when a person has responded.
    needs_person: bool = False
    http: Impact | None = None
    stream: Impact | None = None


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """A way to run the programs, with its faults."""

    name: str
    description: str
    faults: tuple[Fault, ...]


class Inputs(Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of faults.yaml."""

    days: int
    #: The objective for both sides.
    target: Annotated[float, Meta(gt=0, lt=1)]
    #: Assumed seconds from the alert until a person works on the fault.
    response_s: Annotated[float, Meta(ge=0)]
    #: Machine and commit of the measured durations.
    measured_on: str
    sites: tuple[Site, ...]

    @property
    def budget_s(self) -> float:
        """Seconds for which all traffic may be unavailable."""
        return (1 - self.target) * self.days * DAY_S


class Limit(NamedTuple):
    """How far one assumption can be from the truth before the expected availability is below the target.

    Attributes:
        fault: The fault; None for the response time, which faults share.
        factor: Multiple of the assumption at which the target is missed; infinity if no multiple misses it.
    """

    fault: Fault | None
    factor: float


def read_inputs(path: Path) -> Inputs:
    """Read faults.yaml.

    Raises:
        msgspec.ValidationError: If a field is missing, unknown or out of range.
    """
    return msgspec.yaml.decode(path.read_bytes(), type=Inputs)


def unavailable_s(fault: Fault, side: Side, response_s: float) -> float:
    """Return the seconds of all traffic that one occurrence costs."""
    impact = fault.http if side == "http" else fault.stream
    if impact is None:
        return 0.0
    return (impact.seconds + (response_s if fault.needs_person else 0)) * impact.share


def expected_s(site: Site, side: Side, response_s: float) -> float:
    """Return the expected seconds of all traffic that are unavailable in a period."""
    return sum(fault.rate * unavailable_s(fault, side, response_s) for fault in site.faults)


def availability(site: Site, side: Side, inputs: Inputs) -> float:
    """Return the expected availability."""
    return 1 - expected_s(site, side, inputs.response_s) / (inputs.days * DAY_S)


def share_of_periods(site: Site, side: Side, inputs: Inputs) -> float:
    """Return the probability that a single period meets the target."""
    rates: dict[int, float] = {}
    for fault in site.faults:
        whole_s = math.ceil(unavailable_s(fault, side, inputs.response_s))
        if whole_s:
            rates[whole_s] = rates.get(whole_s, 0.0) + fault.rate
    return compound_poisson(rates, math.floor(inputs.budget_s))


def compound_poisson(rates: dict[int, float], limit: int) -> float:
    """Return the probability that a compound Poisson sum is at most `limit`.

    Args:
        rates: Rate of each summand, a positive number.
        limit: Largest value of the sum.

    Example:
        >>> compound_poisson({1: 2.0}, 0) == math.exp(-2)
        True
        >>> round(compound_poisson({1: 0.5, 3: 0.5}, 2), 6)  # no 3, and at most two 1
        0.597804
    """
    densities = [math.exp(-sum(rates.values()))]
    for total in range(1, limit + 1):
        terms = (size * rate * densities[total - size] for size, rate in rates.items() if size <= total)
        densities.append(sum(terms) / total)
    return math.fsum(densities)


def limits(site: Site, side: Side, inputs: Inputs) -> Sequence[Limit]:
    """Return how far each assumption can be wrong, the most sensitive first.

    The rate and the duration of a fault have the same limit, since only their product counts.
    """
    all_s = expected_s(site, side, inputs.response_s)
    parts: list[tuple[Fault | None, float]] = [
        (fault, fault.rate * unavailable_s(fault, side, inputs.response_s)) for fault in site.faults
    ]
    parts.append((None, all_s - expected_s(site, side, 0)))
    found = [Limit(fault, (inputs.budget_s - (all_s - own_s)) / own_s) for fault, own_s in parts if own_s]
    return sorted(found, key=lambda limit: limit.factor)

"""The model of availability adds up, and docs/availability.md is what it prints."""

import math
import random
from pathlib import Path

import msgspec
import pytest

from benchmarks.availability.__main__ import INPUTS, PAGE
from benchmarks.availability.model import (
    SIDES,
    Fault,
    Impact,
    Inputs,
    Site,
    availability,
    compound_poisson,
    limits,
    read_inputs,
    share_of_periods,
)
from benchmarks.availability.page import markdown

ROOT = Path(__file__).parents[3]


def _fault(rate: float, seconds: float, share: float = 1, *, needs_person: bool = False) -> Fault:
    impact = Impact(seconds, share, "assumed", "made up")
    return Fault("a fault", rate, "made up", needs_person, http=impact)


def _inputs(*faults: Fault, response_s: float = 0) -> Inputs:
    return Inputs(30, 0.999, response_s, "nothing", (Site("a site", "", faults),))


def test_the_page_is_what_the_program_prints() -> None:
    """The page is generated from the inputs: `python -m benchmarks.availability --out docs` writes it again."""
    assert (ROOT / "docs" / PAGE).read_text("utf-8") == markdown(read_inputs(INPUTS))


def test_two_hours_a_month_are_known() -> None:
    """Two faults of an hour for half of the traffic, and 7.2 h/month is 99 %."""
    inputs = _inputs(_fault(2, 3600, 0.5))
    assert availability(inputs.sites[0], "http", inputs) == pytest.approx(1 - 3600 / 2_592_000)
    assert availability(inputs.sites[0], "stream", inputs) == 1
    inputs = _inputs(_fault(1, 0, needs_person=True), response_s=25_920)
    assert availability(inputs.sites[0], "http", inputs) == pytest.approx(0.99)


def test_a_limit_is_where_the_target_is_just_met() -> None:
    """An assumption that is wrong by its factor, and no other, gives exactly the target."""
    faults = (_fault(2, 100), _fault(0.5, 600, needs_person=True), _fault(4, 10, 0.5))
    inputs = _inputs(*faults, response_s=900)
    site = inputs.sites[0]
    for limit in limits(site, "http", inputs):
        if limit.fault is None:
            wrong = msgspec.structs.replace(inputs, response_s=inputs.response_s * limit.factor)
        else:
            worse = msgspec.structs.replace(limit.fault, rate=limit.fault.rate * limit.factor)
            others = tuple(worse if fault is limit.fault else fault for fault in faults)
            wrong = msgspec.structs.replace(inputs, sites=(Site("a site", "", others),))
        assert availability(wrong.sites[0], "http", wrong) == pytest.approx(0.999)


def test_periods_agree_with_a_simulation() -> None:
    """The exact share of periods within the budget is that of 20,000 simulated periods."""
    faults = (_fault(3, 400), _fault(0.3, 1800), _fault(6, 60, 0.5))
    inputs = _inputs(*faults)
    dice = random.Random(1)  # noqa: S311 - reproducible, not secret

    def occurrences(rate: float) -> int:
        count, left = 0, math.exp(-rate)
        product = dice.random()
        while product > left:
            count, product = count + 1, product * dice.random()
        return count

    good = sum(
        occurrences(3) * 400 + occurrences(0.3) * 1800 + occurrences(6) * 30 <= inputs.budget_s for _ in range(20_000)
    )
    assert share_of_periods(inputs.sites[0], "http", inputs) == pytest.approx(good / 20_000, abs=0.01)
    assert compound_poisson({}, 10) == 1


def test_every_measured_duration_names_its_command() -> None:
    """A duration that counts as measured says by what; rates are never measured here."""
    for site in read_inputs(INPUTS).sites:
        assert len({fault.name for fault in site.faults}) == len(site.faults)
        for fault in site.faults:
            for impact in (fault.http, fault.stream):
                if impact and impact.basis == "measured":
                    assert "`python -m " in impact.source or "`make " in impact.source or ".md" in impact.source


@pytest.mark.parametrize("side", SIDES)
def test_redundant_sites_are_better(side: str) -> None:
    """The sites in the inputs are in order: each later one has more of everything."""
    inputs = read_inputs(INPUTS)
    values = [availability(site, "http" if side == "http" else "stream", inputs) for site in inputs.sites]
    assert values == sorted(values)


@pytest.mark.parametrize("line", ["      rat: 2", "      rate: -1", "      rate: often"])
def test_a_wrong_input_is_an_error(tmp_path: Path, line: str) -> None:
    """A typing error in faults.yaml does not become a better availability."""
    text = INPUTS.read_text("utf-8")
    path = tmp_path / "faults.yaml"
    at = text.index("      rate: ")
    path.write_text(text[:at] + line + text[text.index("\n", at) :], encoding="utf-8")
    with pytest.raises(msgspec.ValidationError):
        read_inputs(path)

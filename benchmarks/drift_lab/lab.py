"""The lab, from data to everything that the page tells."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drift_lab import worlds
from benchmarks.drift_lab.alerts import Doubled, alert_rates, false_alert_alarms
from benchmarks.drift_lab.bank import Bank, draw
from benchmarks.drift_lab.baselines import evidently, river
from benchmarks.drift_lab.concept import Course, Found, course, detection
from benchmarks.drift_lab.power import Power, category_power, numeric_power
from benchmarks.drift_lab.silence import Judged, Moved, exchangeable_silence, natural_silence, what_moved
from benchmarks.drift_lab.trend import Trend, trends
from schemas.manifest import FalseAlarms
from stream.drift.alarm_rule import DriftLimits
from training.data.dataset import Dataset
from training.machine import Machine, describe_machine

#: Rows of a window in which the natural stream is judged, beside the rule's own size.
_OTHER_ROWS = (1000, 10_000)
#: Days of the bank of categories, of which nothing but its other columns is needed.
_CATEGORY_DAYS = 3
#: Undisturbed days that river is shown.
_RIVER_DAYS = 1
_SEED = 0

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How large the lab is."""

    days: float = 30
    repetitions: int = 200


@dataclass(frozen=True)
class Findings:
    """Everything that was found."""

    size: Size
    limits: DriftLimits
    rows: int
    exchangeable: Judged
    alert_alarms: int
    #: By rows of a window.
    natural: Mapping[int, Judged]
    moved: Sequence[Moved]
    #: As the natural world's bundle has it.
    cross_fitted: Sequence[FalseAlarms]
    power: Sequence[Power]
    trends: Sequence[Trend]
    alert_rates: Sequence[Doubled]
    concept: Sequence[Found]
    course: Course
    river: Sequence[river.Answer]
    #: None where it was not asked.
    evidently: Mapping[str, evidently.Answer] | None
    machine: Machine
    seconds: float


def explore(
    data: Dataset,
    size: Size,
    scratch: Path,
    on_step: OnStep,
    *,
    limits: DriftLimits,
    evidently_python: Path | None,
) -> Findings:
    """Run the whole lab.

    Args:
        data: In order of event time.
        size: Of the lab.
        scratch: A directory for bundles.
        on_step: Told each step.
        limits: Of the rule.
        evidently_python: Of its environment; None: it is not asked.

    Raises:
        FraudError: If a model cannot be made of these data, or Evidently fails.
    """
    began, machine = time.monotonic(), describe_machine(())
    on_step("the exchangeable world")
    bank = draw(worlds.exchangeable(data, scratch / "exchangeable", _SEED), limits, size.days, _SEED)
    with ExitStack() as stack:
        asked = stack.enter_context(evidently.Asked(bank, evidently_python)) if evidently_python else None
        power, drifted = _power(data, bank, size, scratch, on_step)
        detectors = river.ask_river(draw(bank.world, limits, min(_RIVER_DAYS, size.days), _SEED), _SEED, on_step)
        on_step("the natural world")
        natural = worlds.natural(data, scratch / "natural")
        sizes = [rows for rows in sorted({limits.window_rows, *_OTHER_ROWS}) if rows <= len(natural.matrix)]
        on_step("alert rate and concept drift")
        return Findings(
            size=size,
            limits=limits,
            rows=len(data),
            exchangeable=exchangeable_silence(bank),
            alert_alarms=false_alert_alarms(bank),
            natural={rows: natural_silence(natural, limits, rows) for rows in sizes},
            moved=what_moved(natural),
            cross_fitted=natural.manifest.false_alarms,
            power=power,
            trends=drifted,
            alert_rates=alert_rates(bank, size.repetitions, _SEED),
            concept=detection(bank.world, size.repetitions, _SEED),
            course=course(bank.world, _SEED),
            river=detectors,
            evidently=asked.answer() if asked else None,
            machine=machine,
            seconds=time.monotonic() - began,
        )


def _power(data: Dataset, bank: Bank, size: Size, scratch: Path, on_step: OnStep) -> tuple[list[Power], list[Trend]]:
    numeric = numeric_power(bank, size.repetitions, _SEED, on_step)
    drifted = trends(bank, size.repetitions, _SEED, on_step)
    on_step("the world of categories")
    world = worlds.categories(data, scratch / "categories", _SEED)
    categories = draw(world, bank.limits, min(_CATEGORY_DAYS, size.days), _SEED)
    return numeric + category_power(categories, size.repetitions, _SEED, on_step), drifted

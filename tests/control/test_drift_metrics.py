"""Prometheus metrics of drift: they show rolling statistics of every model in a role, and count each alarm once."""

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from schemas.messages import ColumnDrift
from stream.control.drift_metrics import DriftMetrics
from stream.control.drift_monitor import alarms
from stream.drift.counts_merger import CountsMerger
from tests.commands.test_drift import OK, PAGE, report
from tests.drift.sample_bundle import MANIFEST, ROWS, limits, stream

MODEL = {"role": "champion", "name": "fraud", "version": "1"}
HIGH = msgspec.structs.replace(OK, psi=0.5, state="high", in_a_row=1)


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return a registry for one test."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> DriftMetrics:
    """Return the drift metrics in the registry."""
    return DriftMetrics(registry)


def test_gauges_are_the_rolling_statistics(metrics: DriftMetrics, registry: CollectorRegistry) -> None:
    """Gauges have labels for feature, role and version, and vanish when the worker is no longer elected."""
    merger = CountsMerger(lambda _: MANIFEST, limits(), lambda _, why: pytest.fail(why))
    for offset, counts in enumerate(stream(13)):
        merger.add(offset, counts)
    metrics.elected(elected=True)
    metrics.show(merger.views())
    (view,) = merger.views()
    for index, name in enumerate(("V1", "V2", "country")):
        labels = MODEL | {"feature": name}
        assert registry.get_sample_value("feature_drift_psi", labels) == view.by_rows.psi[index]
        assert registry.get_sample_value("feature_drift_ks", labels) == view.by_rows.distance[index]
    assert registry.get_sample_value("prediction_drift_psi", MODEL) == view.by_rows.psi[-1]
    assert registry.get_sample_value("prediction_drift_ks", MODEL) == view.by_rows.distance[-1]
    assert registry.get_sample_value("drift_window_fill", MODEL) == pytest.approx(300 / ROWS)
    assert not np.isnan(view.by_rows.psi).any()
    metrics.elected(elected=False)
    assert registry.get_sample_value("prediction_drift_psi", MODEL) is None
    assert registry.get_sample_value("drift_elected") == 0


def test_an_alarm_counts_when_it_is_raised(metrics: DriftMetrics, registry: CollectorRegistry) -> None:
    """An alarm counts in the window that raises it, not before, and only once while it lasts."""
    for in_a_row in range(1, 5):
        column = HIGH if in_a_row == 1 else msgspec.structs.replace(PAGE, in_a_row=in_a_row)
        metrics.reported(report(in_a_row, features={"V1": column, "V2": OK}), windows_in_a_row=2)
    assert registry.get_sample_value("drift_alarms_total", {"column": "V1"}) == 1
    assert registry.get_sample_value("drift_alarms_total", {"column": "V2"}) is None
    assert registry.get_sample_value("drift_reports_total") == 4


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"V1": OK, "V2": HIGH}, ""),
        ({"V1": PAGE, "V2": msgspec.structs.replace(PAGE, psi=2.0, state="alarm")}, "V2 PSI 2, V1 PSI 1.23"),
        ({f"V{n}": PAGE for n in range(8)}, ", ".join([f"V{n} PSI 1.23" for n in (7, 6, 5, 4, 3)] + ["3 more"])),
    ],
)
def test_alarming_columns_are_named_largest_psi_first(features: dict[str, ColumnDrift], expected: str) -> None:
    """Alarming columns are listed in one line, largest PSI first, which is short enough for a retraining request."""
    assert alarms(report(features=features)) == expected

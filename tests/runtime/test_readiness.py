"""What /readyz says, as Prometheus reads it."""

from prometheus_client import CollectorRegistry

from stream.runtime.readiness import ProblemMetrics


def test_each_reason_is_a_series_and_figures_are_none() -> None:
    """Whoever waits for a number of transactions waits under one name."""
    registry = CollectorRegistry()
    found: list[str] = []
    ProblemMetrics(registry, lambda: found)
    assert registry.get_sample_value("program_ready") == 1
    for waiting in (3, 4):
        found[:] = ["no champion", f"nothing moves, {waiting} transactions wait"]
        assert registry.get_sample_value("program_ready") == 0
        for problem in ("no champion", "nothing moves"):
            assert registry.get_sample_value("program_problem", {"problem": problem}) == 1
    found.clear()
    assert registry.get_sample_value("program_problem", {"problem": "no champion"}) is None

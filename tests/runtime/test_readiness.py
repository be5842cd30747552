"""Readiness: stable problem names, for /readyz and for Prometheus."""

from prometheus_client import CollectorRegistry

from stream.runtime.readiness import Problem, ProblemMetrics, readiness


def test_every_problem_has_its_own_series() -> None:
    """Each current problem has a series labelled with the enum's value; a resolved problem has no series."""
    registry = CollectorRegistry()
    problems: list[Problem] = []
    ProblemMetrics(registry, lambda: problems)
    assert registry.get_sample_value("program_ready") == 1
    problems[:] = [Problem.NO_CHAMPION, Problem.STUCK]
    assert registry.get_sample_value("program_ready") == 0
    for problem in ("no_champion", "stuck"):
        assert registry.get_sample_value("program_problem", {"problem": problem}) == 1
    problems.clear()
    assert registry.get_sample_value("program_problem", {"problem": "no_champion"}) is None


def test_every_problem_has_a_sentence() -> None:
    """For each problem, /readyz gives a name for programs to read and a sentence for people."""
    for problem in Problem:
        body = readiness([problem])
        assert body["problems"] == [problem.value]
        assert body["detail"].endswith(".")
        assert not body["ready"]
    assert readiness([]) == {"ready": True, "problems": [], "detail": ""}

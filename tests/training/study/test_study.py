"""A whole study."""

from tests.training.study.conftest import Done


def test_x(done: Done) -> None:
    """X."""
    for r in done.outcome.records:
        print(r)
    print(done.outcome.left_out, done.outcome.accepted, done.outcome.model.metrics, done.outcome.model.policy)

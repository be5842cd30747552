"""What an elected task does if its work fails: it waits for Kafka or a store, and gives way after any other error."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from schemas.errors import KafkaError
from stream.control import elected_task
from stream.control.elected_task import ElectedTask
from tests.support.until import until


class FakeReader:
    """Stands in for an elected reader; records whether it has left its group."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        """Leave the group."""
        self.closed = True


class FailingTask(ElectedTask):
    """A task whose steps raise the given errors, one after another."""

    def __init__(self, errors: Sequence[Exception], *, on_election: Callable[[bool], None]) -> None:
        super().__init__("failing task", enabled=True, on_election=on_election)
        self.reader: Any = FakeReader()
        self.errors = list(errors)
        self.resets = 0

    def _join(self) -> Any:
        self._elect(True)  # noqa: FBT003 - as the callback of the reader
        return self.reader

    def _work(self, _: object) -> None:
        self._try(self._step)

    def _step(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def _reset(self) -> None:
        self.resets += 1


def test_an_unexpected_error_ends_the_task_but_not_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    """The task leaves its group, so another worker takes over, and drops its state; the error is logged in full."""
    elections: list[bool] = []
    task = FailingTask([ValueError("unexpected")], on_election=elections.append)
    task.start()
    until(lambda: elections == [True, False])
    task.stop()
    assert task.reader.closed
    assert task.resets == 2
    (record,) = [each for each in caplog.records if each.levelname == "CRITICAL"]
    assert record.getMessage() == "failing task: stopped in this worker; another worker takes over"
    assert "ValueError: unexpected" in caplog.text


def test_a_failure_of_kafka_is_tried_again(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Kafka or a store is unavailable, the task keeps its election and its state, and tries again."""
    monkeypatch.setattr(elected_task, "RETRY_S", 0.0)
    elections: list[bool] = []
    task = FailingTask([KafkaError("away"), KafkaError("away")], on_election=elections.append)
    task.start()
    until(lambda: not task.errors)
    assert (elections, task.resets) == ([True], 1)
    task.stop()
    assert caplog.text.count("failing task: away; trying again") == 2

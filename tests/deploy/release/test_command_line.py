"""`python -m deploy.release`: exit codes, the log, the record, and which errors a person sees."""

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from deploy.release import __main__ as command_line
from deploy.release import targets
from deploy.release.errors import ReleaseError
from deploy.release.record import Outcome, Record
from deploy.release.tracks import Program, Track
from tests.deploy.release.scripted_target import ScriptedTarget
from tests.deploy.release.test_rollout import LIMITS, RELEASED
from tests.support.traffic import transaction
from training.study.lock import single_instance

IMAGE = "sha256:" + "0f" * 32


class _Place(ScriptedTarget):
    """A scripted target with a state before the release."""

    earlier: str | None = "registry.example.com/serving@sha256:old"
    ready = 0
    images: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    interrupted_by: int | None = None

    def serving(self) -> Track:
        return Track.BLUE

    def release(self, track: Track) -> str | None:
        return IMAGE if track is Track.BLUE else self.earlier

    def running(self, track: Track) -> dict[Program, tuple[int, int]]:
        ready = self.ready if track is Track.GREEN else 2
        return {Program.EDGE: (ready, ready), Program.WORKER: (ready, ready)}

    def start(self, track: Track, program: Program) -> None:
        if self.interrupted_by and program is Program.WORKER:
            os.kill(os.getpid(), self.interrupted_by)
        super().start(track, program)

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def place(edge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Place]:
    """The target that `scripted/…` stands for."""
    made = _Place(edge)

    def make(name: str, images: Mapping[str, str], headers: Mapping[str, str]) -> _Place:
        assert name == "somewhere"
        made.images, made.headers = images, headers
        return made

    monkeypatch.setitem(targets.TARGETS, "scripted", make)
    monkeypatch.setattr(command_line, "read_limits", lambda _: LIMITS)
    monkeypatch.setattr(command_line, "ROOT", tmp_path)
    yield made
    assert made.calls[-1:] in ([], ["close"]), "the connections stay open"


def _run(folder: Path, command: str, *options: str) -> tuple[Result, Record]:
    transactions, out = folder / "transactions.jsonl", folder / "record.json"
    transactions.write_bytes(transaction(1) + b"\n")
    arguments = [command, "scripted/somewhere", "--transactions", str(transactions), "--out", str(out), *options]
    result = CliRunner().invoke(command_line.main, arguments)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result, msgspec.json.decode(out.read_bytes(), type=Record)


def test_a_release_is_exit_code_0(place: _Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has a line for each step, the record has the same steps, and the key is in neither."""
    monkeypatch.setenv("RELEASE_API_KEY", "frk_0123")
    result, record = _run(tmp_path, "deploy", "--image", IMAGE, "--training-image", IMAGE)
    assert (result.exit_code, record.outcome, record.reason) == (0, Outcome.RELEASED, None)
    assert (record.command, record.target, record.track, record.image) == (
        "deploy",
        "scripted/somewhere",
        "green",
        IMAGE,
    )
    assert place.calls == [*RELEASED, "close"]
    assert place.images == {"fraud-stream-serving": IMAGE, "fraud-stream-training": IMAGE}
    assert place.headers == {"Authorization": "Bearer frk_0123"}
    *steps, last = result.output.splitlines()
    assert last == "released: green serves"
    assert [entry.step for entry in record.entries] == [line.split("  ")[1].rpartition(" (")[0] for line in steps]
    assert "frk_0123" not in result.output + (tmp_path / "record.json").read_text("utf-8")


def test_a_rejected_release_is_exit_code_1(place: _Place, tmp_path: Path) -> None:
    """The reason is the last line, after the steps of the rollback."""
    place._fails = ("start green worker",)
    result, record = _run(tmp_path, "deploy", "--image", IMAGE)
    assert (result.exit_code, record.outcome) == (1, Outcome.ROLLED_BACK)
    assert result.output.splitlines()[-1] == "rolled back: start green worker failed"
    assert sum(entry.step.startswith("roll back") for entry in record.entries) == 2


@pytest.mark.parametrize("fails", [("route green", "route blue"), ("start green stores",), ("stop blue http",)])
def test_a_release_that_a_person_must_finish_is_exit_code_3(
    place: _Place, tmp_path: Path, fails: tuple[str, ...]
) -> None:
    """A rollback that failed, or a last step that did: neither track is as it should be."""
    place._fails = fails
    result, record = _run(tmp_path, "deploy", "--image", IMAGE)
    assert (result.exit_code, record.outcome) == (3, Outcome.INCOMPLETE)
    assert f"{fails[-1]} failed" in (record.reason or "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_rolls_the_release_back(place: _Place, tmp_path: Path, number: signal.Signals) -> None:
    """A cancelled workflow or Ctrl-C must not leave both tracks running."""
    before = signal.getsignal(number)
    place.interrupted_by = number
    result, record = _run(tmp_path, "deploy", "--image", IMAGE)
    assert (result.exit_code, record.reason) == (1, f"stopped by {number.name}")
    assert place.calls[-3:] == ["stop green worker", "stop green http", "close"]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("ready", "words"), [(2, "still run, from"), (0, "do not run, and are started again, from")])
def test_a_rollback_says_which_way_it_takes(place: _Place, tmp_path: Path, ready: int, words: str) -> None:
    """Both ways are the same steps on the other track, without a replay and without the stores."""
    place.ready = ready
    result, record = _run(tmp_path, "rollback")
    assert (result.exit_code, record.command, record.image) == (0, "rollback", place.earlier)
    assert f"its programs {words} {place.earlier}" in result.output.splitlines()[0]
    assert place.calls == [
        "start green http", "start green worker", "route green", "stop blue worker", "stop blue http", "close",
    ]  # fmt: skip


def test_an_interrupted_release_is_cleared_up_first(place: _Place, tmp_path: Path) -> None:
    """Deploying over programs that run would stop some that decide."""
    place.ready = 1
    transactions = tmp_path / "transactions.jsonl"
    transactions.write_bytes(transaction(1) + b"\n")
    arguments = ["deploy", "scripted/somewhere", "--transactions", str(transactions), "--image", IMAGE]
    result = CliRunner().invoke(command_line.main, arguments)
    assert "programs of green run although blue serves, so a release was interrupted" in str(result.exception)
    assert place.calls == ["close"]


@pytest.mark.parametrize("options", [("deploy", "--image", IMAGE), ("rollback",)])
def test_only_one_release_at_a_time(place: _Place, tmp_path: Path, options: tuple[str, ...]) -> None:
    """While one runs, another one to the same place, or a rollback, would undo its steps."""
    transactions = tmp_path / "transactions.jsonl"
    transactions.write_bytes(transaction(1) + b"\n")
    arguments = [options[0], "scripted/somewhere", "--transactions", str(transactions), *options[1:]]
    with single_instance(tmp_path / "var" / "release" / "scripted-somewhere.lock"):
        result = CliRunner().invoke(command_line.main, arguments)
    assert str(result.exception).startswith("another release is running")
    assert place.calls == []


def test_smoke_tests_need_transactions(place: _Place, tmp_path: Path) -> None:
    """An edge that has decided nothing has proved nothing."""
    transactions = tmp_path / "transactions.jsonl"
    transactions.touch()
    arguments = ["deploy", "scripted/somewhere", "--transactions", str(transactions), "--image", IMAGE]
    result = CliRunner().invoke(command_line.main, arguments)
    assert "transactions.jsonl is empty" in str(result.exception)
    assert place.calls == ["close"]


def test_a_rollback_that_fails_leaves_the_serving_track_as_it_was(place: _Place, tmp_path: Path) -> None:
    """The earlier release may not work either."""
    place._fails = ("start green worker",)
    result, _ = _run(tmp_path, "rollback")
    assert result.exit_code == 1
    assert place.calls[-3:] == ["stop green worker", "stop green http", "close"]


def test_there_may_be_nothing_to_go_back_to(place: _Place, tmp_path: Path) -> None:
    """After the first deployment, the other track has never run."""
    place.earlier = None
    file = tmp_path / "transactions"
    file.touch()
    result = CliRunner().invoke(command_line.main, ["rollback", "scripted/somewhere", "--transactions", str(file)])
    assert (result.exit_code, place.calls) == (1, ["close"])
    assert "no release has run on green; use deploy with the image to return to" in result.output


def test_the_status_names_the_serving_track(place: _Place) -> None:
    """One line for each track."""
    result = CliRunner().invoke(command_line.main, ["status", "scripted/somewhere"])
    assert place.calls == ["close"]
    blue, green = result.output.splitlines()
    assert blue == f"blue   serves  http 2 of 2 ready, worker 2 of 2 ready  {IMAGE}"
    assert green == f"green          http 0 of 0 ready, worker 0 of 0 ready  {place.earlier}"


@pytest.mark.parametrize("where", ["scripted", "kubernetes/", "cloud/production"])
def test_an_unknown_target_is_an_error(where: str) -> None:
    """The error lists the kinds."""
    with pytest.raises(ReleaseError, match=r"unknown target .*; choose one of .*kubernetes/NAME"):
        targets.open_target(where, {}, {})


def test_missing_transactions_are_an_error(place: _Place) -> None:
    """Nothing has been started when the file is read."""
    result = CliRunner().invoke(command_line.main, ["rollback", "scripted/somewhere", "--transactions", "none.jsonl"])
    assert isinstance(result.exception, ReleaseError)
    assert "cannot read none.jsonl" in str(result.exception)
    assert place.calls == ["close"]

"""The command line: failures are one-line errors with exit code 1, and bad usage has exit code 2."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.training.trained import Trained
from training.cli import COMMANDS, main
from training.registry.roles import save_roles

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run `fraud-train` in an empty directory, and return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("FRAUD_KAFKA_BOOTSTRAP", "FRAUD_BUNDLE_STORE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["fraud-train", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    yield call
    # Undo the change that `main` makes to the stream's log level.
    logging.getLogger("stream").setLevel(logging.NOTSET)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_help_text_has_an_example(run: Run, command: str) -> None:
    """Help goes to stdout with exit code 0 and ends with command lines to copy."""
    code, out, _ = run(command, "--help")
    assert code == 0
    lines = out.splitlines()
    assert any(line.strip().startswith(f"fraud-train {command}") for line in lines[lines.index("  Example:") :])


@pytest.mark.parametrize(
    "arguments",
    [
        ["baseline", "--data", "gone.parquet"],
        ["publish"],
        ["export-stream", "--out", "x.jsonl"],
        ["offline-scores", "--out", "x.parquet"],
        ["publish", "--roles", "/dev/null"],
    ],
)
def test_a_failure_is_a_one_line_error(run: Run, arguments: list[str]) -> None:
    """A failure prints a one-line error without a traceback and exits with code 1."""
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("fraud-train: ")
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["baseline", "--nonsense"],
        ["baseline", "--min-pr-auc", "1.5"],
        ["export-stream"],
        ["export-stream", "--part", "x"],
    ],
)
def test_bad_usage_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    """Bad usage prints click's explanation and exits with code 2."""
    code, _, err = run(*arguments)
    assert code == 2
    assert "Error" in err


def test_an_unknown_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing that a command does is to reject an unknown setting, with an error that names the setting."""
    monkeypatch.setenv("FRAUD_BOOTSTRP", "x")
    assert run("publish") == (1, "", "fraud-train: FRAUD_BOOTSTRP is not a setting; .env.example lists them all\n")


def test_an_unavailable_mlflow_is_a_one_line_error(run: Run, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error shows the tracking URI without its password."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    code, _, err = run("baseline", "--data", str(trained.data))
    assert code == 1
    assert err.startswith("fraud-train: MLflow at http://127.0.0.1:9: ")
    assert "secret" not in err


def test_an_unavailable_broker_is_a_one_line_error(run: Run, trained: Trained, tmp_path: Path) -> None:
    """If the broker is unavailable, `publish` prints a one-line error and exits with code 1, and can be repeated."""
    save_roles(trained.roles, tmp_path / "roles.json")
    code, _, err = run("publish", "--roles", "roles.json", "--bootstrap", "127.0.0.1:9")
    assert code == 1
    assert "127.0.0.1:9" in err
    assert len(err.splitlines()) == 1


def test_baseline_finds_an_unavailable_broker_before_it_trains(run: Run, tmp_path: Path) -> None:
    """A broker that could not be published to after minutes of training is reported before the data is read."""
    code, _, err = run("baseline", "--data", str(tmp_path / "no-data.csv"), "--bootstrap", "127.0.0.1:9")
    assert code == 1
    assert "Kafka at 127.0.0.1:9 is not responding" in err


def test_export_stream_and_offline_scores_write_their_files(run: Run, trained: Trained, tmp_path: Path) -> None:
    """Each command writes its file and prints the path."""
    save_roles(trained.roles, tmp_path / "roles.json")
    data = str(trained.data)
    assert run("export-stream", "--data", data, "--out", "t.jsonl")[:2] == (0, "t.jsonl\n")
    assert run("offline-scores", "--data", data, "--roles", "roles.json", "--out", "s.parquet")[:2] == (
        0,
        "s.parquet\n",
    )
    assert (tmp_path / "t.jsonl").stat().st_size
    assert (tmp_path / "s.parquet").stat().st_size

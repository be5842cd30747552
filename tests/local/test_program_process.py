"""A program process starts with the given settings, reports readiness and quotes its log when it fails."""

import sys
from pathlib import Path

import pytest

from schemas.errors import FraudError
from stream.local.program_process import ProgramProcess, program_address, program_environment, stream_program
from stream.runtime.ports import free_port
from stream.settings import PREFIX, Settings, read_settings


def test_the_environment_holds_exactly_the_given_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A FRAUD_ variable of the parent does not reach the child, not even an unknown variable."""
    monkeypatch.setenv(f"{PREFIX}KAFKA_SLOT", "parent")
    monkeypatch.setenv(f"{PREFIX}NO_SUCH_SETTING", "1")
    settings = Settings().replace(http_port=6080)
    assert read_settings(program_environment(settings)) == settings


def test_each_program_has_its_own_address() -> None:
    """With the default settings, the four programs can run on one machine."""
    addresses = {program_address(name, Settings()) for name in ("worker", "ledger", "archive", "http")}
    assert len(addresses) == 4


@pytest.mark.parametrize("name", ["worker", "ledger", "archive", "http"])
def test_a_program_is_asked_for_its_readiness_at_its_own_address(name: str, tmp_path: Path) -> None:
    """The address that its settings give is also the one at which its readiness is checked."""
    program = stream_program(name, Settings(), tmp_path / f"{name}.log")
    assert program._ready_url == f"http://{program_address(name, Settings())}/readyz"
    assert program._command[-1] == name
    with pytest.raises(RuntimeError, match=f"{name} was not started"):
        program.stop()


def test_waits_until_the_program_is_ready_and_stops_it(tmp_path: Path) -> None:
    """Entering the context starts the program and leaving it stops the program; a killed program can be restarted."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with ProgramProcess(command, tmp_path / "server.log", ready_url=f"http://127.0.0.1:{port}/") as server:
        server.wait_ready()
        server.kill()
        assert not server.is_ready()
        server.start()
        server.wait_ready()
        assert server.returncode is None
    assert server.returncode == 128 + 15


def test_a_program_that_ends_early_is_quoted(tmp_path: Path) -> None:
    """If a program ends early, the error contains its name, its exit code and the last lines of its log."""
    command = [sys.executable, "-c", "import sys; print('no disk'); sys.exit(3)"]
    program = ProgramProcess(command, tmp_path / "early.log", ready_url=f"http://127.0.0.1:{free_port()}/")
    with program, pytest.raises(FraudError, match=r"^early exited with code 3; see .*\nno disk$"):
        program.wait_ready()


def test_a_program_that_is_not_ready_in_time_is_an_error(tmp_path: Path) -> None:
    """If a program is not ready in time, the error names the log file to read."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    program = ProgramProcess(command, tmp_path / "slow.log", ready_url=f"http://127.0.0.1:{free_port()}/")
    with program, pytest.raises(FraudError, match=r"^slow was not ready within 0\.2 s; see .*slow\.log$"):
        program.wait_ready(0.2)

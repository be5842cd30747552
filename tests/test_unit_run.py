"""`make test-unit` runs without Kafka: which tests it selects, and which programs it starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.imports import ROOT
from tests.support.kinds import BROKER_FIXTURES, SERVERS, is_unit_test

#: Records the programs that a Python process and its children start; Python imports a module of this name at its start.
RECORDER = """
import os, sys
def record(event, arguments):
    if event == "subprocess.Popen":
        with open(os.environ["PROCESS_LOG"], "a") as log:
            log.write(f"{arguments[0]}\\n")
sys.addaudithook(record)
"""

#: A conftest.py with the plugin that fails a unit run for the faults that no test is to blame for.
PLUGIN = """
from tests.support.session_faults import SessionFaults
def pytest_addoption(parser):
    parser.addoption("--unit", action="store_true")
def pytest_configure(config):
    config.pluginmanager.register(SessionFaults(config))
"""


def _unit_run(tmp_path: Path, *arguments: str) -> tuple[str, list[str]]:
    """Run pytest as `make test-unit` does, and return its output and the names of the programs that it started."""
    log = tmp_path / "programs"
    (tmp_path / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PROCESS_LOG": str(log)}
    environment.pop("KAFKA_BOOTSTRAP", None)
    command = [sys.executable, "-m", "pytest", "--unit", "-n", "2", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, [Path(line).name for line in log.read_text(encoding="utf-8").splitlines()]


def test_a_unit_run_starts_no_broker(tmp_path: Path) -> None:
    """The unit tests of folders that are mostly about Kafka run, and neither they nor pytest itself start a server."""
    output, programs = _unit_run(tmp_path, "tests/kafka", "tests/control/test_manifests.py", "tests/serving")
    assert re.search(r"\d+ passed", output)
    assert Path(sys.executable).name in programs, "the two pytest processes must be in the log"
    assert not set(programs) & set(SERVERS)


def test_a_unit_test_that_starts_a_server_fails() -> None:
    """In a unit run, starting Java or Postgres is an error, so a test that is classified wrongly cannot stay."""
    code = """
import subprocess
from tests.support.kinds import forbid_servers
forbid_servers()
subprocess.run(["true"], check=True)
subprocess.run(["java", "-version"], check=False)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "a unit test started java" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("unit", "parallel"), [(True, ("-n", "1")), (False, ())])
@pytest.mark.parametrize(
    ("statement", "fault", "only_unit"),
    [
        ("open(__file__); gc.collect()", "leak, noticed during test_one.py::test_passes", False),
        (
            "gc.disable(); loop = [open(__file__)]; loop.append(loop)",
            "leak, noticed after the last test: unclosed file",
            False,
        ),
        ("sys.modules['mlflow'] = gc", "a unit test imported mlflow", True),
    ],
)
def test_a_fault_fails_the_run_and_no_test(
    tmp_path: Path, statement: str, fault: str, parallel: tuple[str, ...], *, unit: bool, only_unit: bool
) -> None:
    """A leak ends a run with an error although every test passes, and so does a slow import in a unit run."""
    (tmp_path / "conftest.py").write_text(PLUGIN, encoding="utf-8")
    test = f"import gc, sys\n\ndef test_passes():\n    {statement}\n"
    (tmp_path / "test_one.py").write_text(test, encoding="utf-8")
    filters = ("-W", "error", "-W", "default::pytest.PytestUnraisableExceptionWarning")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *filters, *parallel]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [*command, *(["--unit"] if unit else [])]
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    fails = unit or not only_unit
    assert done.returncode == int(fails)
    assert (f"ERROR {fault}" in done.stdout) is fails


def test_this_test_is_no_unit_test(request: pytest.FixtureRequest) -> None:
    """A test in a file that starts programs is an integration test, with the marker of one."""
    assert not is_unit_test(request.node)
    assert request.node.get_closest_marker("integration")


@pytest.mark.parametrize("fixture", sorted(BROKER_FIXTURES))
def test_every_broker_fixture_exists(request: pytest.FixtureRequest, fixture: str) -> None:
    """Each fixture that makes a test an integration test exists, so a renamed one cannot be forgotten."""
    assert request._fixturemanager.getfixturedefs(fixture, request.node)

"""Faults that no single test is to blame for. They fail the run at its end.

Leaks
    The garbage collector notices an open file or connection during a later test, or after the last one.
Slow libraries
    Only in a unit run: a test that imports one is an integration test, and an import that `tests.support.kinds` has
    overlooked would slow every unit run down.
"""

import gc
import sys
import warnings
from typing import Any

import pytest

from tests.support.kinds import SLOW_LIBRARIES


class SessionFaults:
    """A pytest plugin that collects the faults of all of the session's processes, and fails the run for them.

    Args:
        config: Configuration of the session, or of one of its parallel processes.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._unit = bool(config.getoption("unit"))
        self._faults: list[str] = []

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, nodeid: str) -> None:
        """Record a leak that was noticed during a test, in this process or in a parallel one."""
        if issubclass(warning_message.category, pytest.PytestUnraisableExceptionWarning):
            self._faults.append(f"leak, noticed during {nodeid}; see the warning above")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Record the faults of a parallel process that has ended."""
        self._faults += getattr(node, "workeroutput", {}).get("session_faults", [])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Record this process's faults, and hand them over to the process that reports them or fails the session."""
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["session_faults"] = self._own_faults()
            return
        self._faults += self._own_faults()
        if self._faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the faults."""
        for fault in dict.fromkeys(self._faults):
            terminalreporter.write_line(f"ERROR {fault}", red=True)

    def _own_faults(self) -> list[str]:
        faults = _leaks()
        if self._unit:
            loaded = sorted(sys.modules.keys() & SLOW_LIBRARIES)
            faults += [f"a unit test imported {name}; see tests.support.kinds" for name in loaded]
        return faults


def _leaks() -> list[str]:
    """Return what the garbage collector finds still open now."""
    leaks: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda error: leaks.append(f"leak, noticed after the last test: {error.exc_value}")
    try:
        gc.collect()
    finally:
        sys.unraisablehook = before
    return leaks

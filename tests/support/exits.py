"""Check that a worker that cannot continue promptly prints a one-line error and exits with code 1."""

import time

from tests.support.worker_process import WorkerProcess


def assert_exits(worker: WorkerProcess, within: float) -> str:
    """Wait until a worker has exited with code 1 and no traceback; return its last line of output.

    Raises:
        AssertionError: If the worker still runs after `within` seconds, or exits in another way.
    """
    deadline = time.monotonic() + within
    while worker.returncode is None:
        assert time.monotonic() < deadline, f"the worker still runs after {within:g} s:\n{worker.last_lines()}"
        time.sleep(0.02)
    output = worker.last_lines()
    assert worker.returncode == 1, f"code {worker.returncode}:\n{output}"
    assert "Traceback" not in output, output
    return output.splitlines()[-1]

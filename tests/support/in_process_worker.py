"""A worker in the test's own process, for faults that must occur at an exact moment."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from stream.app import WorkerProgram

Result = TypeVar("Result")


def run_in_process(make: Callable[[], WorkerProgram], steps: Callable[[WorkerProgram], Result]) -> Result:
    """Run a worker while the steps of a test run on another thread, then stop the worker as a signal would.

    Args:
        make: Builds the worker, inside the event loop it will run in.
        steps: Runs the steps of the test, given the worker.

    Returns:
        The result of the steps.

    Raises:
        FraudError: The failure that ended the worker, if it ended by itself.
    """

    async def run_both() -> Result:
        program = make()
        running = asyncio.create_task(program.run())
        try:
            return await asyncio.to_thread(steps, program)
        finally:
            program._stop_requested.set()
            await running

    return asyncio.run(run_both())

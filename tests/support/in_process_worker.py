"""A worker inside the test's own process, for faults that must strike at one exact moment."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from stream.app import WorkerProgram

Result = TypeVar("Result")


def run_in_process(make: Callable[[], WorkerProgram], steps: Callable[[WorkerProgram], Result]) -> Result:
    """Run a worker while a test's steps run on another thread; stop it as a signal would.

    Args:
        make: Makes the worker, inside the event loop it will run in.
        steps: What the test does meanwhile.

    Returns:
        What the steps return.

    Raises:
        FraudError: What ended the worker, if it ended by itself.
    """

    async def both() -> Result:
        program = make()
        running = asyncio.create_task(program.run())
        try:
            return await asyncio.to_thread(steps, program)
        finally:
            program._stop_requested.set()
            await running

    return asyncio.run(both())

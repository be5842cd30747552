"""The archive's Faust agents, one for each kind of message, and the task that closes files."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import faust

from stream.archive.memory_budget import MemoryBudget
from stream.archive.pipeline import ArchivePipeline
from stream.runtime.batch_channel import BatchChannel

#: Seconds between two checks for files that are due to be closed.
CLOSE_S = 1.0


def add_agent(
    app: faust.App, channel: BatchChannel, pipeline: ArchivePipeline, budget: MemoryBudget, writing: Executor
) -> None:
    """Add the agent that archives one kind of message.

    All agents share one writing thread, so the memory budget covers all of them and the event loop never blocks.
    """

    def process(batch: Any) -> None:
        pipeline.process(batch)
        budget.enforce()

    @app.agent(channel, name=f"archive-{pipeline.kind}")
    async def archive(batches: Any) -> None:
        loop = asyncio.get_running_loop()
        async for batch in batches:
            await loop.run_in_executor(writing, process, batch)


def add_closing(app: faust.App, pipelines: Sequence[ArchivePipeline], budget: MemoryBudget, writing: Executor) -> None:
    """Add the task that closes files when they are due.

    This is a task rather than a timer, because Faust's timer would log a warning for every file that waits for the file
    system.
    """

    def close_due() -> None:
        for pipeline in pipelines:
            pipeline.close_due()
        budget.enforce()

    @app.task(on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def close() -> None:
        while not app.should_stop:
            await app.sleep(CLOSE_S)
            await asyncio.get_running_loop().run_in_executor(writing, close_due)

"""The archive as a Faust app: an agent for each kind of message, and a task that closes files."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import faust

from stream.archive.memory_budget import Room
from stream.archive.pipeline import ArchivePipeline
from stream.runtime.batch_channel import BatchChannel

#: Seconds between two looks for files whose time has come.
CLOSE_S = 1.0


def add_agent(app: faust.App, channel: BatchChannel, pipeline: ArchivePipeline, room: Room, writing: Executor) -> None:
    """Add the agent that archives one kind of message.

    All agents share one writing thread: then the bound on memory is theirs together, and the event loop (web) never
    stalls.
    """

    def settle(batch: Any) -> None:
        pipeline.settle(batch)
        room.make()

    @app.agent(channel, name=f"archive-{pipeline.kind}")
    async def archive(batches: Any) -> None:
        loop = asyncio.get_running_loop()
        async for batch in batches:
            await loop.run_in_executor(writing, settle, batch)


def add_closing(app: faust.App, pipelines: Sequence[ArchivePipeline], room: Room, writing: Executor) -> None:
    """Add the task that closes files whose time has come.

    No timer: Faust's would complain of each file that waits for a file system that is away.
    """

    def close_due() -> None:
        for each in pipelines:
            each.close_due()
        room.make()

    @app.task(on_leader=False)  # type: ignore[untyped-decorator]  # Faust has no types here
    async def close() -> None:
        while not app.should_stop:
            await app.sleep(CLOSE_S)
            await asyncio.get_running_loop().run_in_executor(writing, close_due)

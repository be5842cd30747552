"""A Faust channel through which an ordinary agent receives batches of raw messages."""

import asyncio
from concurrent.futures import Future
from typing import Any

from faust.channels import Channel
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from stream.kafka.batch import Batch


class BatchChannel(Channel[Batch]):
    """A Faust channel that a reader thread fills with at most one batch.

    A reader that runs further ahead increases latency but not throughput, so the channel holds one batch while the
    previous batch is processed. Faust's own flow control is not used, because it belongs to Faust's consumer, which is
    not running.
    """

    @property
    def queue(self) -> Any:
        """The queue of the only agent that subscribes."""
        if self._queue is None:
            self._queue = ThrowableQueue(
                maxsize=1, flow_control=FlowControlEvent(initially_suspended=False), clear_on_resume=False
            )
        return self._queue

    def offer(self, batch: Batch, loop: asyncio.AbstractEventLoop) -> "Future[None]":
        """Put a batch into the channel from another thread; return a future that is done once it is accepted.

        Raises:
            RuntimeError: If no agent subscribes: a channel without subscribers drops what it receives.
        """
        if not self._subscribers:
            raise RuntimeError("no agent subscribes to the batch channel")
        # Faust types channels by their events, but a channel can carry any value.
        return asyncio.run_coroutine_threadsafe(self.put(batch), loop)  # type: ignore[arg-type]

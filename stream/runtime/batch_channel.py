"""The batch channel: what makes an ordinary Faust agent receive batches of raw messages."""

import asyncio
from concurrent.futures import Future
from typing import Any

from faust.channels import Channel
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from stream.kafka.batch import Batch


class BatchChannel(Channel[Batch]):
    """A Faust channel that a reader thread fills, one batch waiting at most.

    A reader that runs ahead makes latency worse and throughput no better, so there is room for one batch beside
    the one in hand. Faust's own flow control is left out: it belongs to Faust's consumer, which is not running.
    """

    @property
    def queue(self) -> Any:
        """The queue of one subscribed agent."""
        if self._queue is None:
            self._queue = ThrowableQueue(
                maxsize=1, flow_control=FlowControlEvent(initially_suspended=False), clear_on_resume=False
            )
        return self._queue

    def offer(self, batch: Batch, loop: asyncio.AbstractEventLoop) -> "Future[None]":
        """Put a batch from another thread; the future is done once there was room for it.

        Raises:
            RuntimeError: If no agent listens: a channel drops what nobody hears.
        """
        if not self._subscribers:
            raise RuntimeError("no agent listens to the batch channel")
        # Faust types channels by their events, but any value may flow over one.
        return asyncio.run_coroutine_threadsafe(self.put(batch), loop)  # type: ignore[arg-type]

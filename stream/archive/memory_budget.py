"""Limits the memory that all open files use together."""

from collections.abc import Sequence

from stream.archive.metrics import ArchiveMetrics
from stream.archive.pipeline import MIB, ArchivePipeline
from stream.settings import ArchiveSettings


class MemoryBudget:
    """Memory budget that the open files of all pipelines share.

    Args:
        archive: Settings that contain the size of the budget.
        pipelines: Pipelines that share the budget; the sequence may be filled later.
        metrics: Metrics of open files.
    """

    def __init__(self, archive: ArchiveSettings, pipelines: Sequence[ArchivePipeline], metrics: ArchiveMetrics) -> None:
        self._max_bytes = archive.memory_mib * MIB
        self._pipelines = pipelines
        self._metrics = metrics

    def enforce(self) -> None:
        """Close the largest files until the remaining open files fit within the budget."""
        while True:
            open_bytes = {
                (index, partition): size
                for index, pipeline in enumerate(self._pipelines)
                for partition, size in pipeline.open_bytes.items()
            }
            total = sum(open_bytes.values())
            self._metrics.show_open_bytes(total)
            for pipeline in self._pipelines:
                self._metrics.show_open_messages(pipeline.kind, pipeline.open_messages)
            if total <= self._max_bytes:
                return
            index, partition = max(open_bytes, key=open_bytes.__getitem__)
            self._pipelines[index].close(partition)

"""The bound on what open files take in memory."""

from collections.abc import Sequence

from stream.archive.metrics import ArchiveMetrics
from stream.archive.pipeline import MIB, ArchivePipeline
from stream.settings import Settings


class Room:
    """The memory that all open files share.

    Args:
        settings: How much there is.
        pipelines: Who shares it; may be filled later.
        metrics: Shows what is taken.
    """

    def __init__(self, settings: Settings, pipelines: Sequence[ArchivePipeline], metrics: ArchiveMetrics) -> None:
        self._most = settings.archive.memory_mib * MIB
        self._pipelines = pipelines
        self._metrics = metrics

    def make(self) -> None:
        """Close the largest files until the rest keeps to the bound."""
        while True:
            sizes = {
                (n, partition): size for n, each in enumerate(self._pipelines) for partition, size in each.sizes.items()
            }
            total = sum(sizes.values())
            self._metrics.memory(total)
            for each in self._pipelines:
                self._metrics.open(each.kind, each.messages)
            if total <= self._most:
                return
            number, partition = max(sizes, key=sizes.__getitem__)
            self._pipelines[number].close(partition)

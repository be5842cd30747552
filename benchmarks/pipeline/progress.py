"""Progress of a benchmark on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class ProgressLine:
    """A single line that shows the current step and its progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("start", total=None)

    def step(self, description: str, total: int | None = None) -> None:
        """Start a step that consists of `total` units; None means that their number is unknown."""
        self._progress.update(self._task, description=description, completed=0, total=total)

    def advance_to(self, completed: int) -> None:
        """Show that `completed` units of the step have been done."""
        self._progress.update(self._task, completed=completed)


@contextmanager
def progress_line() -> Iterator[ProgressLine]:
    """Show a progress line until the context exits."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield ProgressLine(progress)

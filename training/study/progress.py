"""Progress of a study: bars on a terminal, and one line per finished entry."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class StudyProgress:
    """Shows which entries are running and how far each has progressed; thread-safe.

    Args:
        console: Console for the bars and lines. Bars are shown only if it is a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._lock = threading.Lock()
        self._running: dict[str, TaskID] = {}
        self._study: TaskID | None = None

    @contextmanager
    def shown(self, entries: int) -> Iterator[None]:
        """Show the bars while the body runs.

        Args:
            entries: Number of entries in the study.
        """
        with self._bars:
            self._study = self._bars.add_task("study", total=entries)
            yield

    def begin(self, key: str, steps: int) -> None:
        """Show that an entry has started.

        Args:
            key: Name of the entry.
            steps: Largest possible number of fits. Pruned trials and trials from earlier processes need fewer fits.
        """
        with self._lock:
            self._running[key] = self._bars.add_task(key, total=steps)

    def step(self, key: str) -> None:
        """Show that an entry has completed one more fit."""
        with self._lock:
            self._bars.advance(self._running[key])

    def end(self, key: str, text: str | None) -> None:
        """Show that an entry has ended.

        Args:
            key: Name of the entry.
            text: Line about its result; None to print nothing, for an entry that an earlier process finished.
        """
        with self._lock:
            if (task := self._running.pop(key, None)) is not None:
                self._bars.remove_task(task)
            if self._study is not None:
                self._bars.advance(self._study)
        if text:
            self._console.print(f"{key}: {text}", markup=False, highlight=False)

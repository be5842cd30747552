"""How far a study is: bars on a terminal, one line an entry elsewhere."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class StudyProgress:
    """Told by the study, from several threads, what begins and what ends.

    Args:
        console: Where it is shown.
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
        self._whole: TaskID | None = None

    @contextmanager
    def shown(self, entries: int) -> Iterator[None]:
        """Show the bars while the body runs."""
        with self._bars:
            self._whole = self._bars.add_task("study", total=entries)
            yield

    def begin(self, key: str, steps: int) -> None:
        """An entry begins and takes so many steps at most: pruned trials, and those of earlier processes, take none."""
        with self._lock:
            self._running[key] = self._bars.add_task(key, total=steps)

    def step(self, key: str) -> None:
        """A step of an entry, one fit, is done."""
        with self._lock:
            self._bars.advance(self._running[key])

    def end(self, key: str, text: str | None) -> None:
        """An entry ended, with one line about how; None where an earlier process had finished it."""
        with self._lock:
            if (task := self._running.pop(key, None)) is not None:
                self._bars.remove_task(task)
            if self._whole is not None:
                self._bars.advance(self._whole)
        if text:
            self._console.print(f"{key}: {text}", markup=False, highlight=False)

"""Progress display of the commands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar if stderr is a terminal; call the yielded function with the name of each step.

    Args:
        steps: Number of steps until the bar is full.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("start", total=steps)
        done = -1

        def report(step: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, description=step, completed=done)

        yield report

"""What commands show: examples in their help, a progress bar while they work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def examples(*lines: str) -> str:
    """Return lines to be copied, for a command's epilog."""
    # A backspace on a line of its own keeps click from re-wrapping what follows.
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on stderr, where it is a terminal; each report names the step that begins."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("start", total=steps)
        done = -1

        def report(step: str) -> None:
            nonlocal done
            done += 1
            shown.update(task, description=step, completed=done)

        yield report

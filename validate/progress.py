"""Shows on stderr how far a long computation is: a bar on a terminal, plain lines elsewhere.

Never writes to stdout.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[str], None]
"""Reports one more unit of what it names as done."""

Progress = Callable[[Mapping[str, int]], AbstractContextManager[Advance]]
"""Opens a display for tasks, each of so many units."""


@contextmanager
def silent(tasks: Mapping[str, int]) -> Iterator[Advance]:
    """No display."""
    yield lambda label: None


@contextmanager
def bar(tasks: Mapping[str, int]) -> Iterator[Advance]:
    """A rich progress bar on stderr; honours NO_COLOR."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task("", total=sum(tasks.values()))
        yield lambda label: display.update(task, advance=1, description=label)


@contextmanager
def lines(tasks: Mapping[str, int]) -> Iterator[Advance]:
    """A line at once, and one for each task that is done, with the seconds since the first."""
    begin, left, done = time.monotonic(), Counter(tasks), 0

    def advance(label: str) -> None:
        nonlocal done
        left[label] -= 1
        if left[label] == 0:
            done += 1
            _say(f"{done} of {len(tasks)} done: {label} ({time.monotonic() - begin:.0f} s)")

    if tasks:
        _say(f"0 of {len(tasks)} done")
    yield advance


def for_terminal(quiet: bool = False) -> Progress:
    """A bar where someone can see it move, else lines."""
    if quiet or sys.stderr is None:  # closed by the caller: `2>&-`
        return silent
    return bar if sys.stderr.isatty() else lines


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()

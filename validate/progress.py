"""Shows how far a long computation is, as a bar on stderr.

Never writes to stdout, and nothing at all where stderr is no terminal.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[str], None]
"""Reports one more unit done, with a word on what it was."""

Progress = Callable[[int], AbstractContextManager[Advance]]
"""Opens a display for so many units."""


@contextmanager
def silent(total: int) -> Iterator[Advance]:
    """No display."""
    yield lambda label: None


@contextmanager
def bar(total: int) -> Iterator[Advance]:
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
        task = display.add_task("", total=total)
        yield lambda label: display.update(task, advance=1, description=label)


def for_terminal(quiet: bool = False) -> Progress:
    """A bar where someone can see it, else silence."""
    return silent if quiet or not sys.stderr.isatty() else bar

"""Shows on stderr how far a long computation is: a bar on a terminal, plain lines elsewhere.

Never writes to stdout.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[str], None]
"""Reports one more unit of what it names as done."""

PATIENCE = 2.0
"""So many seconds of silence are no riddle."""


class Progress(Protocol):
    """Opens a display for tasks, each of so many units, and says what a unit is."""

    def __call__(
        self, tasks: Mapping[str, int], unit: str = ""
    ) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(tasks: Mapping[str, int], unit: str = "") -> Iterator[Advance]:
    """No display."""
    yield lambda label: None


@contextmanager
def bar(tasks: Mapping[str, int], unit: str = "") -> Iterator[Advance]:
    """A rich progress bar on stderr; honours NO_COLOR.

    A wheel and the seconds move also while one unit is under way.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(f"{unit}," if unit else ""),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        TimeRemainingColumn(),
        TextColumn("left  {task.description}"),
    )
    # Redirected, what is printed to stdout meanwhile would end on stderr.
    made = RichProgress(
        *columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False
    )
    with made as display:
        task = display.add_task(next(iter(tasks), ""), total=sum(tasks.values()))
        yield lambda label: display.update(task, advance=1, description=label)


@contextmanager
def lines(tasks: Mapping[str, int], unit: str = "") -> Iterator[Advance]:
    """A line at once, and one for each task that is done, with the seconds since the first."""
    units = f"; {sum(tasks.values())} {unit} in all" if unit and tasks else ""
    if tasks:
        _say(f"0 of {len(tasks)} done{units}")
    yield _counted(tasks, 0.0)


@contextmanager
def patient_lines(tasks: Mapping[str, int], unit: str = "") -> Iterator[Advance]:
    """A line for a task that is done after some silence; none for what takes no time."""
    yield _counted(tasks, PATIENCE)


def for_terminal(quiet: bool = False, *, patient: bool = False) -> Progress:
    """A bar where someone can see it move, else lines; few of them for what takes seconds."""
    if quiet or sys.stderr is None:  # closed by the caller: `2>&-`
        return silent
    if sys.stderr.isatty():
        return bar
    return patient_lines if patient else lines


def _counted(tasks: Mapping[str, int], silence: float) -> Advance:
    begin, left, done = time.monotonic(), Counter(tasks), 0
    said = begin

    def advance(label: str) -> None:
        nonlocal done, said
        left[label] -= 1
        if left[label] == 0:
            done += 1
            if (now := time.monotonic()) - said >= silence:
                said = now
                _say(f"{done} of {len(tasks)} done: {label} ({now - begin:.0f} s)")

    return advance


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()

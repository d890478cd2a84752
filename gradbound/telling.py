"""Tells on stderr what a verb does and lacks, and on stdout what it wrote."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from paper_figures import MissingRecordsError


def tell(line: str, quiet: bool = False) -> None:
    """A line on stderr."""
    if not quiet:
        click.echo(line, err=True)


def tell_drawn(
    outcomes: "Iterator[tuple[str, tuple[Path, ...] | MissingRecordsError]]", *, asked: bool
) -> None:
    """Prints each file as it is written.

    What the records lack is an error if it was asked for by name, and a note otherwise.
    """
    for name, outcome in outcomes:
        if not isinstance(outcome, tuple):
            if asked:
                raise outcome
            tell(f"left out {name}: {outcome}")
        else:
            click.echo("\n".join(map(str, outcome)))


def tell_if_afresh(out: Path, resume: bool) -> None:
    """Where there is nothing to carry on with."""
    from gradbound import jobs

    if resume and not jobs.is_there(out):
        tell(f"{out} holds nothing to carry on with: starting afresh")

"""Tells on stderr what a verb does and lacks, and on stdout what it wrote."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivations.errors import InputError

if TYPE_CHECKING:
    from paper_figures import MissingRecordsError


def tell(line: str, quiet: bool = False) -> None:
    """A line on stderr."""
    if not quiet:
        click.echo(line, err=True)


class Drawn:
    """Collects what is drawn: the files written, and what the records lack, by name.

    `aloud` prints each file; what the records lack is an error if it was `asked` for by name, and a
    note otherwise.
    """

    def __init__(self, *, quiet: bool, asked: bool, aloud: bool = True) -> None:
        self.quiet, self.asked, self.aloud = quiet, asked, aloud
        self.written: list[Path] = []
        self.left_out: dict[str, str] = {}

    def take(
        self,
        outcomes: "Iterator[tuple[str, tuple[Path, ...] | MissingRecordsError]]",
        names: Sequence[str],
    ) -> None:
        """Draws what has these names. On a terminal a bar moves meanwhile, and the files are told
        behind it; elsewhere each is told as it is written.
        """
        from validate.progress import bar, silent

        shown = bool(names) and not self.quiet and sys.stderr is not None and sys.stderr.isatty()
        later: list[str] = []
        try:
            with (bar if shown else silent)(dict.fromkeys(names, 1), "figures") as advance:
                for name, outcome in outcomes:
                    line = self._taken(name, outcome)
                    if line and shown:
                        later.append(line)
                    elif line:
                        click.echo(line)
                    advance(name)
        finally:
            for line in later:
                click.echo(line)
        for name in names:
            if name in self.left_out:
                tell(f"left out {name}: {self.left_out[name]}", self.quiet and not self.aloud)

    def _taken(self, name: str, outcome: "tuple[Path, ...] | MissingRecordsError") -> str:
        if isinstance(outcome, tuple):
            self.written += outcome
            return "\n".join(map(str, outcome)) if self.aloud else ""
        if self.asked:
            raise outcome
        self.left_out[name] = str(outcome)
        return ""


def tell_if_afresh(out: Path, resume: bool) -> None:
    """Where there is nothing to carry on with. Raises InputError where there is no folder."""
    from gradbound import jobs

    if resume and not out.is_dir():
        raise InputError(
            f"there is no folder {out} to carry on with: leave out --resume to begin, or choose "
            "another --out"
        )
    if resume and not jobs.is_there(out):
        tell(f"{out} holds nothing to carry on with: starting afresh")

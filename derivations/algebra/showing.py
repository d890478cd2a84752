"""Lays a result out as one table: as text for a terminal, as HTML for a notebook.

A result that is `Shown` says what its table holds, and prints itself by it.
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

ROWS = 40
"""So many rows are shown; of more it is said how many."""
WIDTH = 64
"""A longer cell pushes its own line alone."""


@dataclass(frozen=True)
class Showing:
    """A title, a head, rows as long as the head, and lines that stand below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


class Shown:
    """A result that prints itself; a dataclass of it says `repr=False`."""

    @abstractmethod
    def showing(self) -> Showing:
        """What is shown."""

    def __str__(self) -> str:
        return shown_text(self.showing())

    def __repr__(self) -> str:
        return shown_text(self.showing())

    def _repr_html_(self) -> str:
        return shown_html(self.showing())


def shown_text(table: Showing, rows: int | None = ROWS) -> str:
    """The table in columns, no line of it ending in spaces."""
    listed = [table.head, *table.rows[:rows]]
    widths = [min(max(map(len, column)), WIDTH) for column in zip(*listed, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in listed]
    return "\n".join([table.title, *(f"  {line}" for line in lines), *_below(table, rows)])


def shown_html(table: Showing, rows: int | None = ROWS) -> str:
    """The table as a fragment of a page."""
    head = "".join(f"<th>{escape(each)}</th>" for each in table.head)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in table.rows[:rows])
    below = "<br>".join(map(escape, _below(table, rows)))
    return (
        f"<table><caption>{escape(table.title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>" + (f"<p>{below}</p>" if below else "")
    )


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{escape(each)}</td>" for each in row)


def _below(table: Showing, rows: int | None) -> list[str]:
    more = len(table.rows[rows:]) if rows is not None else 0
    return [*([f"… and {more} more"] if more else []), *table.notes]

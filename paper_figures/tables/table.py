"""Defines a table as data: cells without a format, and columns that say how numbers are printed."""

from dataclasses import dataclass

from derivations.errors import InputError

Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    """A column's heading, and the format specification of its numbers."""

    name: str
    spec: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells, one per column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise InputError(
                f"a row of the table {self.caption!r} does not fit its {len(self.columns)} columns"
            )

    @property
    def names(self) -> list[str]:
        """The headings of the columns."""
        return [column.name for column in self.columns]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold no text, and are set flush right."""
        cells = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        return [not any(isinstance(cell, str) for cell in column) for column in cells]

    @property
    def texts(self) -> list[list[str]]:
        """Every cell as it is printed, row by row."""
        return [
            [_text(cell, column) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


def _text(cell: Cell, column: Column) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else format(cell, column.spec)


def certainty(word: str, delta: float | None) -> str:
    """The certainty word, with its failure probability where it has one."""
    return word if delta is None else f"{word}, δ = {delta:g}".replace("e-0", "e-")

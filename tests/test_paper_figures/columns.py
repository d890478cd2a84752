"""Reads the columns of a table by their headings."""

from paper_figures.tables.table import Table


def cells(table: Table, column: str) -> list[object]:
    """The cells below a heading, from top to bottom."""
    index = [each.name for each in table.columns].index(column)
    return [row[index] for row in table.rows]

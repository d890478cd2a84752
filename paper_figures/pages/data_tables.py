"""Sets a table of the records on a page, with a link to its numbers.

Every cell knows its heading, for a narrow screen shows each row as a list.
"""

from markupsafe import Markup

from paper_figures.pages.data_links import csv_link
from paper_figures.tables.table import Table
from paper_figures.tables.writers import render

WIDE = 6
"""Columns from which a table needs a wide screen."""


def data_table(name: str, table: Table) -> Markup:
    """The table as HTML, every text escaped."""
    kinds = ["number" if number else "words" for number in table.numeric]
    head = _row("th", ' scope="col"', kinds, table.names, table.names)
    rows = Markup("\n").join(_row("td", "", kinds, row, table.names) for row in table.texts)
    size = "many" if len(table.columns) >= WIDE else "few"
    return Markup(
        '<div class="rows"><table class="stacks {}">\n<caption>{} {}</caption>\n'
        "<thead>{}</thead>\n<tbody>\n{}\n</tbody>\n</table></div>"
    ).format(size, table.caption, csv_link(name, render(table, "csv"), "this table"), head, rows)


def _row(tag: str, given: str, kinds: list[str], cells: list[str], names: list[str]) -> Markup:
    made = Markup()
    for kind, cell, name in zip(kinds, cells, names, strict=True):
        label = Markup(' data-label="{}"').format(name) if tag == "td" else Markup()
        made += Markup('<{}{} class="{}"{}>{}</{}>').format(
            Markup(tag), Markup(given), kind, label, cell, Markup(tag)
        )
    return Markup("<tr>{}</tr>").format(made)

"""A table on a page holds its texts, escaped, and its numbers in full."""

from urllib.parse import unquote

from paper_figures.pages.data_tables import WIDE, data_table
from paper_figures.tables.table import Column, Table
from paper_figures.tables.writers import render

TABLE = Table("<caption>", (Column("name"), Column("x", ".1f")), (("<b>", 1.25), ("c", None)))


def test_cells_are_escaped_and_know_their_headings() -> None:
    html = data_table("some", TABLE)
    assert '<td class="words" data-label="name">&lt;b&gt;</td>' in html
    assert '<td class="number" data-label="x">1.2</td>' in html
    assert '<th scope="col" class="number">x</th>' in html
    assert "<caption>&lt;caption&gt; <a" in html


def test_numbers_are_in_full_behind_it() -> None:
    assert render(TABLE, "csv") == "name,x\n<b>,1.25\nc,\n"
    assert render(TABLE, "csv") in unquote(data_table("some", TABLE)).replace("&lt;", "<")


def test_many_columns_need_a_wide_screen() -> None:
    wide = Table("", tuple(Column(str(n)) for n in range(WIDE)), ())
    assert 'class="stacks many"' in data_table("wide", wide)
    assert 'class="stacks few"' in data_table("some", TABLE)

"""Every table can be written, and no cell can break out of its table."""

import re
from html.parser import HTMLParser

import pytest
from test_paper_figures.with_every_loss import with_every_loss

from derivations.errors import InputError
from paper_figures.tables.table import Column, Table
from paper_figures.tables.table_registry import TABLES
from paper_figures.tables.writers import render
from validate.records.schema import Results

HOSTILE = 'a|b & 5% <script>alert("x")</script> \\input{y} #_{}~^$'


def test_markdown_rows_keep_their_columns() -> None:
    lines = render(
        Table(HOSTILE, (Column("a"), Column(HOSTILE, ",")), ((HOSTILE, 1234), ("x", None))),
        "markdown",
    ).splitlines()
    assert lines[1] == "| :--- | ---: |"
    assert lines[3] == "| x | – |"
    assert lines[2].endswith("| 1,234 |")
    for line in lines[:4]:
        assert line.replace("\\|", "").count("|") == 3
    assert "<script>" not in "\n".join(lines)


@pytest.mark.parametrize("make", TABLES.values())
def test_latex_needs_no_unicode(results: Results, make) -> None:
    odd = {
        character
        for character in render(make(with_every_loss(results)), "latex")
        if not character.isascii()
    }
    assert not odd


def test_latex_escapes_every_special_character() -> None:
    text = render(Table(HOSTILE, (Column("a"),), ((HOSTILE,),)), "latex")
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    assert r"\textbackslash{}input\{y\}" in body
    assert r"5\%" in body
    assert r"\#\_\{\}\textasciitilde{}\textasciicircum{}\$" in body
    assert body.replace(r"\&", "").count("&") == 0
    assert r"\input" not in text.replace(r"\textbackslash{}input", "")


def test_html_escapes_every_cell() -> None:
    text = render(
        Table(HOSTILE, (Column(HOSTILE), Column("n", ".1e")), ((HOSTILE, 1.5e-16),)), "html"
    )
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Reader().feed(text)
    assert set(tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert '<td class="number">1.5e-16</td>' in text


@pytest.mark.parametrize("kind", ["markdown", "latex", "html", "csv"])
def test_every_table_can_be_written(results: Results, kind: str) -> None:
    for make in TABLES.values():
        table = make(with_every_loss(results))
        text = render(table, kind)
        said = table.names[-1] if kind == "csv" else re.split("[,‖’']", table.caption)[0][:20]
        assert said in (text if kind != "latex" else text.replace("'", "’"))


def test_csv_holds_numbers_in_full_and_quotes_what_has_a_comma() -> None:
    table = Table("t", (Column("a, b"), Column("n", ".1f")), (("x", 1 / 3), ("y", None)))
    assert render(table, "csv") == f'"a, b",n\nx,{1 / 3!r}\ny,\n'


def test_unknown_formats_are_refused() -> None:
    table = Table("t", (Column("a"),), (("x",),))
    with pytest.raises(InputError, match="docx"):
        render(table, "docx")

"""Writes any table as Markdown, LaTeX, HTML or CSV, every text escaped."""

import csv
import io
from collections.abc import Callable, Mapping
from html import escape

from derivations.book.prose import plain
from derivations.errors import InputError
from paper_figures.tables.table import Table


def render(table: Table, kind: str) -> str:
    """The table in one of WRITERS; raises InputError for another."""
    if kind not in WRITERS:
        raise InputError(f"cannot write a table as {kind!r}: choose from {', '.join(WRITERS)}")
    return WRITERS[kind](table)


_MARKDOWN = str.maketrans({"\\": "\\\\", "|": "\\|", "<": "&lt;", "&": "&amp;", "\n": " "})


def _markdown(table: Table) -> str:
    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.translate(_MARKDOWN) for cell in row) + " |"

    rule = ["---:" if number else ":---" for number in table.numeric]
    rows = [line(table.names), line(rule), *map(line, table.texts)]
    return "\n".join([*rows, "", table.caption.translate(_MARKDOWN), ""])


def _latex(table: Table) -> str:
    """A tabular with a caption, for the package booktabs."""

    def line(row: list[str]) -> str:
        return " & ".join(plain(cell) for cell in row) + r" \\"

    form = "".join("r" if number else "l" for number in table.numeric)
    lines = [
        r"\begin{table}",
        rf"\caption{{{plain(table.caption)}}}",
        r"\centering",
        rf"\begin{{tabular}}{{{form}}}",
        r"\toprule",
        line(table.names),
        r"\midrule",
        *map(line, table.texts),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join([*lines, ""])


def _html(table: Table) -> str:
    def line(row: list[str], tag: str, attribute: str = "") -> str:
        kinds = [f'{attribute} class="number"' if each else attribute for each in table.numeric]
        cells = zip(kinds, map(escape, row), strict=True)
        return f"<tr>{''.join(f'<{tag}{kind}>{cell}</{tag}>' for kind, cell in cells)}</tr>"

    head = line(table.names, "th", ' scope="col"')
    lines = [
        "<table>",
        f"<caption>{escape(table.caption)}</caption>",
        f"<thead>{head}</thead>",
        "<tbody>",
        *(line(row, "td") for row in table.texts),
        "</tbody>",
        "</table>",
    ]
    return "\n".join([*lines, ""])


def _csv(table: Table) -> str:
    """Numbers in full, not as they are printed; an empty cell where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.names)
    writer.writerows(table.rows)
    return buffer.getvalue()


WRITERS: Mapping[str, Callable[[Table], str]] = {
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
    "csv": _csv,
}

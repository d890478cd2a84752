"""Summarizes the records in tables, as data, and writes any table as Markdown, LaTeX or HTML.

A number is formatted only when a table is rendered; a cell without a number is a dash.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape as escape_html

import numpy as np

from derivations.errors import InputError
from paper_figures.agreement import BoundName, ratios
from paper_figures.select import MissingRecordsError, alive, depths, families, runs_of
from paper_figures.style import LOOKS, look
from validate.compare import summarize
from validate.records import Results, Run

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
            raise InputError(f"a row of the table {self.caption!r} does not fit its {len(self.columns)} columns")


def networks(results: Results) -> Table:
    """Per family and depth: final errors (median over the seeds), and how prediction and measurement compare."""
    rows = [
        _network_row(family, depth, runs_of(results, family, depth)) for family in families(results) for depth in depths(results, family)
    ]
    columns = (
        Column("network"), Column("parameters", ","), Column("seeds"), Column("training error (%)", ".1f"), Column("test error (%)", ".1f"),
        Column("bound checks", ","), Column("violations", ","), Column("gains checked", ","), Column("largest identity error", ".1e"),
        Column("largest telescoping error", ".1e"),
    )  # fmt: skip
    caption = "Networks after their last epoch (medians over the seeds); bounds and identities are counted over every recorded epoch."
    return Table(caption, columns, tuple(rows))


def bounds(results: Results) -> Table:
    """Per bound: its certainty, how often it was checked and violated, and the median of measured gain / bound."""
    columns = (
        Column("bound"), Column("side"), Column("certainty"), Column("checks", ","), Column("violations", ","),
        Column("measured / bound", ".3g"),
    )  # fmt: skip
    counts: defaultdict[BoundName, list[int]] = defaultdict(lambda: [0, 0])
    for bound in (bound for run in results.runs for block in run.blocks for bound in block.bounds):
        count = counts[BoundName(bound.id, bound.side, bound.certainty, bound.delta)]
        count[0] += bound.checks
        count[1] += bound.violations
    tightness = {name: float(np.median(values)) for name, values in ratios(results).items()}
    rows = [
        (name.theorem, name.side, certainty(name.certainty, name.delta), *counts[name], tightness.get(name))
        for name in sorted(counts, key=lambda name: (name.id, name.certainty))
    ]
    if not rows:
        raise MissingRecordsError(f"no bounds in the records of {results.folder}: run `gradbound validate` again")
    caption = "Bounds held against autograd; the last column is a median over all samples where the bound is above zero."
    return Table(caption, columns, tuple(rows))


def limits(results: Results) -> Table:
    """Per family and number of inputs: the predicted limit for ε → 0, and the median measurement at the least ε > 0 and at 0."""
    smallest = min((row.epsilon for row in results.vanishing if row.epsilon > 0), default=None)
    rows = []
    for family, inputs in sorted({(row.family, row.inputs) for row in results.vanishing}, key=_in_order):
        same = [row for row in results.vanishing if (row.family, row.inputs) == (family, inputs)]
        seen = [[row.measured for row in same if row.epsilon == epsilon] for epsilon in (smallest, 0.0)]
        rows.append((look(family).title, inputs, same[0].predicted, *(float(np.median(values)) if values else None for values in seen)))
    if not rows:
        raise MissingRecordsError(f"no vanishing-branch rows in {results.folder}: run `gradbound validate` again")
    columns = (
        Column("block"), Column("inputs l"), Column("predicted limit", ".6f"), Column(f"measured, ε = {smallest or 0:g}", ".6f"),
        Column("measured, ε = 0", ".6f"),
    )  # fmt: skip
    return Table("What is left of the gradient, ‖∂L/∂x‖ / r, when the branch is scaled by ε: medians over the seeds.", columns, tuple(rows))


TABLES: Mapping[str, Callable[[Results], Table]] = {"table_networks": networks, "table_bounds": bounds, "table_limits": limits}


def _in_order(block: tuple[str, int]) -> tuple[int, int]:
    """The paper's order of families, then the number of inputs; raises InputError for an unknown family."""
    look(block[0])
    return list(LOOKS).index(block[0]), block[1]


def certainty(word: str, delta: float | None) -> str:
    """The certainty word, with its failure probability where it has one."""
    return word if delta is None else f"{word}, δ = {delta:g}".replace("e-0", "e-")


def _network_row(family: str, depth: int, runs: list[Run]) -> tuple[Cell, ...]:
    summary = summarize((block for run in runs for block in run.blocks), (epoch for run in runs for epoch in run.epochs))
    last = [run.epochs[-1] for run in runs]
    errors = (tuple(row.train_error for row in last), tuple(row.test_error for row in last))
    finals = ([100 * value for value in alive(values)] for values in errors)
    medians = (float(np.median(values)) if values else None for values in finals)
    checks = (summary.bound_checks, summary.violations, summary.identity_checks, summary.identity_error, summary.total_error)
    return (f"{look(family).title}-{depth}", runs[0].config.parameters, len(runs), *medians, *checks)


def text(cell: Cell, column: Column) -> str:
    """The cell as it is printed."""
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else format(cell, column.spec)


def render(table: Table, kind: str) -> str:
    """The table as "markdown", "latex" (a booktabs tabular with a caption) or "html", every text escaped."""
    if kind not in WRITERS:
        raise InputError(f"cannot write a table as {kind!r}: choose from {', '.join(WRITERS)}")
    cells = [[text(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    numeric = [all(not isinstance(row[index], str) for row in table.rows) for index in range(len(table.columns))]
    return WRITERS[kind](table.caption, [column.name for column in table.columns], numeric, cells)


_MARKDOWN = str.maketrans({"\\": "\\\\", "|": "\\|", "<": "&lt;", "&": "&amp;", "\n": " "})


def _markdown(caption: str, names: list[str], numeric: list[bool], cells: list[list[str]]) -> str:
    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.translate(_MARKDOWN) for cell in row) + " |"

    rule = ["---:" if number else ":---" for number in numeric]
    return "\n".join([line(names), line(rule), *map(line, cells), "", caption.translate(_MARKDOWN), ""])


_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "ε": r"$\varepsilon$", "δ": r"$\delta$"}
    | {"‖": r"$\Vert$", "∂": r"$\partial$", "→": r"$\to$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}"}
)


def _latex(caption: str, names: list[str], numeric: list[bool], cells: list[list[str]]) -> str:
    def line(row: list[str]) -> str:
        return " & ".join(cell.translate(_LATEX) for cell in row) + r" \\"

    form = "".join("r" if number else "l" for number in numeric)
    head = [r"\begin{table}", rf"\caption{{{caption.translate(_LATEX)}}}", r"\centering", rf"\begin{{tabular}}{{{form}}}", r"\toprule"]
    return "\n".join([*head, line(names), r"\midrule", *map(line, cells), r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _html(caption: str, names: list[str], numeric: list[bool], cells: list[list[str]]) -> str:
    def line(row: list[str], tag: str, attribute: str = "") -> str:
        kinds = (f'{attribute} class="number"' if number else attribute for number in numeric)
        return f"<tr>{''.join(f'<{tag}{kind}>{escape_html(cell)}</{tag}>' for kind, cell in zip(kinds, row, strict=True))}</tr>"

    body = "\n".join(line(row, "td") for row in cells)
    head = line(names, "th", ' scope="col"')
    return f"<table>\n<caption>{escape_html(caption)}</caption>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


Writer = Callable[[str, list[str], list[bool], list[list[str]]], str]
WRITERS: Mapping[str, Writer] = {"markdown": _markdown, "latex": _latex, "html": _html}

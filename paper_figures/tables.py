"""Summarizes the records in tables, as data, and writes any table as Markdown, LaTeX or HTML.

A number is formatted only when a table is rendered; a cell without a number is a dash.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape as escape_html

import numpy as np

from derivations.errors import InputError
from paper_figures.drawing.style import LOOKS, look
from paper_figures.figures.agreement import BoundName, ratios
from paper_figures.figures.select import (
    MissingRecordsError,
    alive,
    depths,
    families,
    group_title,
    runs_of,
)
from validate.records.schema import Results, Run
from validate.statistics.correlation import LEVEL, PERMUTATIONS, RESAMPLES
from validate.statistics.distance_from_law import law_fits
from validate.statistics.families import held
from validate.statistics.slopes import LAYERS, trends
from validate.statistics.summary import summarize
from validate.statistics.survival import Row, ranking

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


def networks(results: Results) -> Table:
    """Per family and depth: final errors (median over the seeds), and how prediction and
    measurement compare.
    """
    rows = [
        _network_row(family, depth, runs_of(results, family, depth))
        for family in families(results)
        for depth in depths(results, family)
    ]
    columns = (
        Column("network"), Column("parameters", ","), Column("seeds"), Column("training error (%)", ".1f"), Column("test error (%)", ".1f"),
        Column("bound checks", ","), Column("violations", ","), Column("gains checked", ","), Column("largest identity error", ".1e"),
        Column("largest telescoping error", ".1e"),
    )  # fmt: skip
    caption = (
        "Networks after their last epoch (medians over the seeds); bounds and identities are "
        "counted over every recorded epoch."
    )
    return Table(caption, columns, tuple(rows))


def bounds(results: Results) -> Table:
    """Per bound: its certainty, how often it was checked and violated, and the median of measured
    gain / bound.
    """
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
        (
            name.theorem,
            name.side,
            certainty(name.certainty, name.delta),
            *counts[name],
            tightness.get(name),
        )
        for name in sorted(counts, key=lambda name: (name.id, name.certainty))
    ]
    if not rows:
        raise MissingRecordsError(
            f"no bounds in the records of {results.folder}: run `gradbound validate` again"
        )
    caption = (
        "Bounds held against autograd; the last column is a median over all samples where the "
        "bound is above zero."
    )
    return Table(caption, columns, tuple(rows))


def limits(results: Results) -> Table:
    """Per family and number of inputs: the predicted limit for ε → 0, and the median measurement at
    the least ε > 0 and at 0.
    """
    smallest = min((row.epsilon for row in results.vanishing if row.epsilon > 0), default=None)
    rows = []
    for family, inputs in sorted(
        {(row.family, row.inputs) for row in results.vanishing}, key=_in_order
    ):
        same = [row for row in results.vanishing if (row.family, row.inputs) == (family, inputs)]
        seen = [
            [row.measured for row in same if row.epsilon == epsilon] for epsilon in (smallest, 0.0)
        ]
        rows.append(
            (
                look(family).title,
                inputs,
                same[0].predicted,
                *(float(np.median(values)) if values else None for values in seen),
            )
        )
    if not rows:
        raise MissingRecordsError(
            f"no vanishing-branch rows in {results.folder}: run `gradbound validate` again"
        )
    columns = (
        Column("block"), Column("inputs l"), Column("predicted limit", ".6f"), Column(f"measured, ε = {smallest or 0:g}", ".6f"),
        Column("measured, ε = 0", ".6f"),
    )  # fmt: skip
    return Table(
        (
            "What is left of the gradient, ‖∂L/∂x‖ / r, when the branch is scaled by ε: medians "
            "over the seeds."
        ),
        columns,
        tuple(rows),
    )


def ranks(results: Results) -> Table:
    """Every line of the ranking of networks by gradient survival against that by test error."""
    columns = (
        Column("survival"), Column("networks of"), Column("coefficient"), Column("networks"), Column("value", ".2f"), Column("from", ".2f"),
        Column("to", ".2f"), Column("p", ".2g"), Column("least p", ".2g"), Column("test"), Column("p adjusted", ".2g"), Column("note"),
    )  # fmt: skip
    families(results)
    rows = [
        (each.measure, group_title(each.group), *_correlation_cells(each))
        for each in ranking(results)
    ]
    caption = (
        "Rank correlation of gradient survival with the final test error over networks (medians "
        "over the seeds; below 0: more survival, "
        f"less error), with its {LEVEL:.0%} interval from {RESAMPLES:,} bootstraps of networks. "
        "Two-sided permutation test, exact or with "
        f"{PERMUTATIONS:,} drawn; least p is that of the most extreme order of so many networks; "
        "adjusted by Holm over the whole table. "
        "Within families: the mean of each family's coefficient, permuted within each."
    )
    return Table(caption, columns, tuple(rows))


def trend(results: Results) -> Table:
    """The slope of the test error with depth of plain and residual networks, and their difference."""
    found = trends(results)
    named = {
        **{look(family).title: slope for family, slope in found.slopes.items()},
        "plain − residual": found.beyond,
    }
    rows = [
        (name, slope.value, slope.low, slope.high, slope.depths, slope.seeds, slope.missing)
        for name, slope in named.items()
    ]
    columns = (
        Column("networks"), Column(f"points per {LAYERS} layers", "+.2f"), Column("from", "+.2f"), Column("to", "+.2f"), Column("depths"),
        Column("seeds"), Column("note"),
    )  # fmt: skip
    caption = (
        f"Change of the final test error with depth, with its {LEVEL:.0%} bootstrap interval; "
        "runs are paired by seed."
    )
    return Table(caption, columns, tuple(rows))


def laws(results: Results) -> Table:
    """Per family: whether identities and bounds held, and the depth law of its end-to-end ratio,
    measured and predicted.
    """
    families(results)
    rows = []
    for each in sorted(held(results), key=lambda each: list(LOOKS).index(each.family)):
        counts = each.summary
        law = (None, None, None, None) if each.measured is None or each.predicted is None else (
            each.measured.law, each.measured.rate, each.predicted.rate, each.measured.r_squared
        )  # fmt: skip
        checks = (
            counts.identity_checks,
            counts.identity_failures,
            counts.identity_error,
            counts.bound_checks,
            counts.violations,
        )
        rows.append(
            (look(each.family).title, each.runs, *checks, counts.total_error, *law, each.missing)
        )
    columns = (
        Column("family"), Column("runs"), Column("gains checked", ","), Column("beyond rounding", ","),
        Column("largest identity error", ".1e"), Column("bound checks", ","), Column("violations", ","),
        Column("largest telescoping error", ".1e"), Column("depth law"), Column("rate, measured", ".4f"), Column("rate, predicted", ".4f"),
        Column("R²", ".3f"), Column("note"),
    )  # fmt: skip
    caption = (
        "Identities and bounds over every recorded epoch, and the better of two laws of log₁₀ "
        "‖∂L/∂h₀‖ / ‖∂L/∂hₙ‖ at initialization: "
        "exponential (linear in the depth) or power (linear in its log₁₀), fitted to measured "
        "ratios and to products of predicted gains."
    )
    return Table(caption, columns, tuple(rows))


def random_laws(results: Results) -> Table:
    """Per family and epoch: how far blocks are from the law of random weights."""
    families(results)
    fits = sorted(law_fits(results), key=lambda fit: list(LOOKS).index(fit.family))
    if not fits:
        raise MissingRecordsError(
            f"no laws of random weights in {results.folder}: run `gradbound validate` again"
        )
    rows = []
    for fit in fits:
        aligned = fit.alignment
        spread: tuple[Cell, ...] = (None,) * 8
        if aligned:
            ends = (
                aligned.mean,
                aligned.mean_low,
                aligned.mean_high,
                aligned.rms,
                aligned.rms_low,
                aligned.rms_high,
            )
            spread = (*ends, 100 * aligned.beyond, aligned.cosine)
        rows.append(
            (
                look(fit.family).title,
                fit.epoch,
                fit.runs,
                fit.blocks,
                fit.chi,
                fit.seen,
                fit.distance,
                fit.p,
                fit.adjusted,
                *spread,
            )
        )
    columns = (
        Column("family"), Column("epoch"), Column("runs"), Column("blocks", ","), Column("χ predicted", ".3g"), Column("χ measured", ".3g"),
        Column("KS distance", ".3f"), Column("p", ".2g"), Column("p adjusted", ".2g"), Column("mean alignment", "+.2f"),
        Column("from", "+.2f"), Column("to", "+.2f"), Column("its r.m.s.", ".2f"), Column("from", ".2f"), Column("to", ".2f"),
        Column("beyond ±1.96 (%)", ".1f"), Column("cosine", "+.3f"),
    )  # fmt: skip
    caption = (
        "Each block beside itself with its first convolution drawn anew, one sample per block and "
        "run. χ: medians of E t² and t² (plain: "
        "γ²). KS: distance of the law's probabilities of the measured gains from uniform, p "
        "adjusted by Holm over the table. Alignment: "
        "⟨v, ∂L/∂x − v⟩, v what the skip passes on, in units of its deviation over random "
        "weights; under the law its mean is 0, its r.m.s. "
        f"1 ({LEVEL:.0%} interval from {RESAMPLES:,} bootstraps of runs), and 5 % are beyond "
        "±1.96. Cosine: median c of the same blocks. "
        "Runs of one seed share images and first weights, so p and intervals are somewhat too "
        "small; trained weights are no independent "
        "draws, for which alone gains may leave the law."
    )
    return Table(caption, columns, tuple(rows))


def _correlation_cells(row: Row) -> tuple[Cell, ...]:
    found = row.found
    numbers = (found.networks, found.value, found.low, found.high, found.p, found.least_p)
    test = None if found.exact is None else "exact" if found.exact else "drawn"
    return (found.coefficient, *numbers, test, row.adjusted, found.missing)


TABLES: Mapping[str, Callable[[Results], Table]] = {
    "table_networks": networks,
    "table_bounds": bounds,
    "table_limits": limits,
    "table_ranking": ranks,
    "table_trend": trend,
    "table_laws": laws,
    "table_random_laws": random_laws,
}


def _in_order(block: tuple[str, int]) -> tuple[int, int]:
    """The paper's order of families, then the number of inputs; raises InputError for an unknown
    family.
    """
    look(block[0])
    return list(LOOKS).index(block[0]), block[1]


def certainty(word: str, delta: float | None) -> str:
    """The certainty word, with its failure probability where it has one."""
    return word if delta is None else f"{word}, δ = {delta:g}".replace("e-0", "e-")


def _network_row(family: str, depth: int, runs: list[Run]) -> tuple[Cell, ...]:
    summary = summarize(
        (block for run in runs for block in run.blocks),
        (epoch for run in runs for epoch in run.epochs),
    )
    last = [run.epochs[-1] for run in runs]
    errors = (tuple(row.train_error for row in last), tuple(row.test_error for row in last))
    finals = ([100 * value for value in alive(values)] for values in errors)
    medians = (float(np.median(values)) if values else None for values in finals)
    checks = (
        summary.bound_checks,
        summary.violations,
        summary.identity_checks,
        summary.identity_error,
        summary.total_error,
    )
    return (
        f"{look(family).title}-{depth}",
        runs[0].config.parameters,
        len(runs),
        *medians,
        *checks,
    )


def text(cell: Cell, column: Column) -> str:
    """The cell as it is printed."""
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else format(cell, column.spec)


def render(table: Table, kind: str) -> str:
    """The table as "markdown", "latex" (a booktabs tabular with a caption) or "html", every text
    escaped.
    """
    if kind not in WRITERS:
        raise InputError(f"cannot write a table as {kind!r}: choose from {', '.join(WRITERS)}")
    cells = [
        [text(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    numeric = [
        all(not isinstance(row[index], str) for row in table.rows)
        for index in range(len(table.columns))
    ]
    return WRITERS[kind](table.caption, [column.name for column in table.columns], numeric, cells)


_MARKDOWN = str.maketrans({"\\": "\\\\", "|": "\\|", "<": "&lt;", "&": "&amp;", "\n": " "})


def _markdown(caption: str, names: list[str], numeric: list[bool], cells: list[list[str]]) -> str:
    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.translate(_MARKDOWN) for cell in row) + " |"

    rule = ["---:" if number else ":---" for number in numeric]
    return "\n".join(
        [line(names), line(rule), *map(line, cells), "", caption.translate(_MARKDOWN), ""]
    )


_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "ε": r"$\varepsilon$",
        "δ": r"$\delta$",
    }
    | {
        "‖": r"$\Vert$",
        "∂": r"$\partial$",
        "→": r"$\to$",
        "–": "--",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "−": "$-$",
    }
    | {
        "χ": r"$\chi$",
        "γ": r"$\gamma$",
        "⟨": r"$\langle$",
        "⟩": r"$\rangle$",
        "±": r"$\pm$",
        "²": "$^2$",
    }
    | {"₀": "$_0$", "₁": "$_1$", "ₙ": "$_n$"}
)


def _latex(caption: str, names: list[str], numeric: list[bool], cells: list[list[str]]) -> str:
    def line(row: list[str]) -> str:
        return " & ".join(cell.translate(_LATEX) for cell in row) + r" \\"

    form = "".join("r" if number else "l" for number in numeric)
    head = [
        r"\begin{table}",
        rf"\caption{{{caption.translate(_LATEX)}}}",
        r"\centering",
        rf"\begin{{tabular}}{{{form}}}",
        r"\toprule",
    ]
    return "\n".join(
        [
            *head,
            line(names),
            r"\midrule",
            *map(line, cells),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _html(caption: str, names: list[str], numeric: list[bool], cells: list[list[str]]) -> str:
    def line(row: list[str], tag: str, attribute: str = "") -> str:
        kinds = (f'{attribute} class="number"' if number else attribute for number in numeric)
        return f"<tr>{''.join(f'<{tag}{kind}>{escape_html(cell)}</{tag}>' for kind, cell in zip(kinds, row, strict=True))}</tr>"

    body = "\n".join(line(row, "td") for row in cells)
    head = line(names, "th", ' scope="col"')
    return f"<table>\n<caption>{escape_html(caption)}</caption>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


Writer = Callable[[str, list[str], list[bool], list[list[str]]], str]
WRITERS: Mapping[str, Writer] = {"markdown": _markdown, "latex": _latex, "html": _html}

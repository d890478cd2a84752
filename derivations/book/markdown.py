"""Sets the derivation book in the Markdown of GitHub: tables, and formulas between dollars.

Markdown reads a formula before MathJax does. So none holds what Markdown takes for its own: a bar
in a table, a backslash before punctuation within a line, an underscore after punctuation.
"""

import re
from collections.abc import Mapping

from derivations.book import arrange
from derivations.book.arrange import Data, Section
from derivations.book.line_breaks import lines as broken

LINE, CELL, NARROW = 90, 70, 36
"""Glyphs per line of a formula: displayed, in a table with one formula, and in one with several."""

IN_A_LINE = (r"\left[a ;\ b\right]", "a matrix with the rows a and b, written in one line")


def markdown_book(document: Data) -> str:
    """The document as a Markdown file."""
    known = arrange.methods(document)
    letters = [
        f"| {_math(symbol)} | {prose(text)} |" for symbol, text in (*arrange.LETTERS, IN_A_LINE)
    ]
    lines = ["# Derivations", "", *(line for text in arrange.PREFACE for line in (prose(text), ""))]
    lines += ["| symbol | meaning |", "|---|---|", *letters, ""]
    lines += [
        "Ways of checking a step: "
        + "; ".join(f"**{letter}** {prose(name)}" for name, letter in known.items())
        + ".",
        "",
    ]
    lines += [f"**{prose(arrange.all_passed(document))}**", ""]
    for section in arrange.sections(document):
        lines += _section(section, known)
    lines += [*_verdicts(document), *_theorems(document, known), *_axioms(document)]
    return "\n".join(lines).rstrip() + "\n"


def _section(section: Section, known: Mapping[str, str]) -> list[str]:
    lines = [
        f"## {prose(section.title)}",
        "",
        "### Definition",
        "",
        *_display(section.readings[0]["definition_latex"]),
    ]
    lines += [
        f"![Diagram: {section.title}]({arrange.diagram(section.name, 'svg')})",
        "",
        "### Gradient",
        "",
    ]
    for block in section.readings:
        lines += [f"In the {block['reading']} reading:", "", *_display(block["pullback"]["latex"])]
    for block in section.readings:
        lines += [f"### Derivation, {block['reading']} reading", "", *_steps(block, known)]
    if section.bounds:
        lines += [
            "### Bounds",
            "",
            *_bounds(section.bounds),
            *_meanings(section.bounds),
            *_order(section),
            *_attained(section.bounds),
        ]
    lines += ["### What remains when the branch vanishes", ""]
    for block in section.readings:
        lines += [
            f"In the {block['reading']} reading, of the gradient:",
            "",
            *_display(block["remains"]["latex"]),
        ]
    if section.equations:
        lines += ["### What the paper says and what holds", ""]
        lines += [
            line for number, _ in section.equations for line in _equation(number, section, known)
        ]
    return lines


def _steps(part: Data, known: Mapping[str, str]) -> list[str]:
    rows = ["| | rule | line | checks |", "|---|---|---|---|"]
    for index, step in enumerate(part["steps"], 1):
        rule = prose(step["rule"]) + (
            f", if {prose(step['condition'])}" if step["condition"] else ""
        )
        checks = arrange.letters_of(step, known)
        rows.append(
            f"| {index} | {rule} | {_cell(step['latex'], CELL)} | "
            f"{checks if arrange.passed(step) else f'**{checks}**'} |"
        )
    where = [f"- {_cell(line, LINE)}" for line in arrange.meanings_in_steps(part)]
    return [*rows, "", *(["In these lines", "", *where, ""] if where else [])]


def _bounds(bounds: list[Data]) -> list[str]:
    rows = [
        "| bound | side | certainty | formula | without the branch | holds for | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for bound in bounds:
        holds = "; ".join(
            (bound["holds_for"], *(f"if {prose(condition)}" for condition in bound["conditions"]))
        )
        cells = (
            f"`{bound['id']}`",
            bound["side"],
            bound["certainty"],
            _cell(bound["latex"], NARROW),
            _cell(bound["limit"], NARROW),
            holds,
        )
        rows.append(f"| {' | '.join((*cells, prose(bound['source'])))} |")
    return [*rows, ""]


def _meanings(bounds: list[Data]) -> list[str]:
    rows = []
    for meaning in arrange.meanings(bounds):
        where = (
            ", in " + ", ".join(f"`{each}`" for each in arrange.families(meaning.only_in))
            if meaning.only_in
            else ""
        )
        rows.append(f"- {_cell(meaning.latex, LINE)}{where}")
    return ["Here", "", *rows, ""] if rows else []


def _order(section: Section) -> list[str]:
    rows = [
        f"- `{pair['tighter']}` is never looser than `{pair['looser']}`." for pair in section.order
    ]
    return ["Proved above:", "", *rows, ""] if rows else []


def _attained(bounds: list[Data]) -> list[str]:
    rows = [
        f"- {', '.join(f'`{each}`' for each in ids)}: {_cell(world, LINE)}"
        for world, ids in arrange.attained(bounds)
    ]
    lost = [f"`{bound['id']}`" for bound in bounds if not bound["extremal"]]
    rows += [f"- {', '.join(lost)}: no example was found."] if lost else []
    return ["Examples in which a bound is attained, found by search:", "", *rows, ""]


def _equation(number: str, section: Section, known: Mapping[str, str]) -> list[str]:
    first, *_ = readings = dict(section.equations)[number]
    lines = [
        f"#### Equation ({number}) of the paper",
        "",
        "As transcribed:",
        "",
        *_display(first["transcribed_latex"]),
    ]
    for equation in readings:
        lines += [
            f"As derived, {equation['reading']} reading:",
            "",
            *_display(equation["derived_latex"]),
        ]
        if equation["claims"]:
            lines += ["The paper's statements in this reading:", ""]
            lines += [
                f"- {prose(c['statement'])}: **{arrange.verdict(c)}**<br>{_cell(c['latex'], LINE)}"
                for c in equation["claims"]
            ] + [""]
        where = arrange.derived_above(section, equation)
        lines += [where, ""] if where else ["Its derivation:", "", *_steps(equation, known)]
    return lines


def _verdicts(document: Data) -> list[str]:
    rows = [
        f"| ({arrange.number(equation)}) | {equation['block'].replace('_', ' ')} | "
        f"{equation['reading']} | {prose(claim['statement'])} |"
        f" **{arrange.verdict(claim)}** |"
        for equation in document["equations"]
        for claim in equation["claims"]
    ]
    head = [
        "## The equations of the paper",
        "",
        "| Eq. | block | reading | the paper | verdict |",
        "|---|---|---|---|---|",
    ]
    return [*head, *rows, ""] if rows else []


def _theorems(document: Data, known: Mapping[str, str]) -> list[str]:
    lines = (
        ["## Theorems", "", "Results that are about no single block.", ""]
        if document["theorems"]
        else []
    )
    for theorem in document["theorems"]:
        facts = [
            f"{theorem['certainty']}, {theorem['reading']} reading",
            *(f"if {prose(each)}" for each in theorem["conditions"]),
        ]
        facts += [f"exact for {prose(theorem['setting'])}"] if theorem["setting"] else []
        facts += [f"source: {prose(theorem['source'])}"] if theorem["source"] else []
        lines += [
            f"### {prose(theorem['title'])}",
            "",
            f"`{theorem['id']}` ({'; '.join(facts)}).",
            "",
            prose(theorem["statement"]),
            "",
        ]
        lines += [*_display(theorem["latex"]), *_steps(theorem, known)]
    return lines


def _axioms(document: Data) -> list[str]:
    items = [
        f"- **{prose(each['name'])}**: {prose(each['statement'])} ({prose(each['source'])})."
        for each in document["axioms"]
    ]
    return ["## Axioms", "", "What is cited rather than proved:", "", *items, ""] if items else []


def prose(text: str) -> str:
    """Plain text that Markdown prints as it is, indices as such: J_F, ‖J‖_F."""
    text = re.sub(
        r"([\\`*\[\]|$])",
        r"\\\1",
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    )
    text = re.sub(r"(?<=[\w‖)])_([A-Za-z0-9]+)(?![A-Za-z0-9_])", r"<sub>\1</sub>", text)
    text = re.sub(r"(?<=[\w‖)])\^([A-Za-z0-9]+|\([^()]*\))", r"<sup>\1</sup>", text)
    return text.replace("_", r"\_")


def _display(latex: str) -> list[str]:
    first, *rest = map(_safe, broken(latex, LINE))
    if not rest:
        return [f"$${first}$$", ""]
    rows = r" \\ ".join([f"&{first}", *(rf"&\quad {line}" for line in rest)])
    return [rf"$$\begin{{aligned}}{rows}\end{{aligned}}$$", ""]


def _cell(latex: str, width: int) -> str:
    """A formula within a line, in several where it is long."""
    first, *rest = broken(latex, width)
    return "<br>".join([_math(first), *(_math(rf"\quad {line}") for line in rest)])


def _math(latex: str) -> str:
    return f"${_safe(latex)}$"


_SAFE = (
    (r"\\substack\{([^\\]*(?:\\[A-Za-z]+[^\\]*)*)\\\\", lambda m: rf"{{{m[1]}, "),
    (r"\\,\\Vert\s*\\,", lambda m: r"\mathbin{\Vert}"),
    (r"\\,", lambda m: " "),
    (r"\\[;: ]", lambda m: r"\quad "),
    (r"\\!", lambda m: ""),
    (r"\\\{", lambda m: r"\lbrace "),
    (r"\\\}", lambda m: r"\rbrace "),
    (r"\\\||\|", lambda m: r"\vert "),
    (r"\*", lambda m: r"\ast "),
    (r"<", lambda m: r"\lt "),
    (r">", lambda m: r"\gt "),
    (r"\\left\((\\frac\{[^{}]*\}\{[^{}]*\})\\right\)_", lambda m: rf"\left.{m[1]}\right\vert_"),
    (r"(?<![A-Za-z\\}])\{([A-Za-z])\}_", lambda m: f"{m[1]}_"),
    (r"\s*\n\s*", lambda m: " "),
)


def _rows(matrix: str) -> str:
    """A matrix within a line: its rows between semicolons."""
    rows = r" ;\quad ".join(row.replace("&", r"\quad ") for row in matrix.split(r"\\"))
    return rf"\left[{rows}\right]"


_INNERMOST = r"\\left\[\\begin\{matrix\}((?:(?!\\begin\{matrix\}).)*?)\\end\{matrix\}\\right\]"


def _safe(latex: str) -> str:
    while (flat := re.sub(_INNERMOST, lambda m: _rows(m[1]), latex)) != latex:
        latex = flat
    for pattern, replacement in _SAFE:
        latex = re.sub(pattern, replacement, latex)
    return re.sub(r"\s+", " ", latex).strip()

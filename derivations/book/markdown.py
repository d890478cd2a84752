"""Sets the derivation book in the Markdown of GitHub: tables, and formulas between dollars.

Markdown reads a formula before MathJax does. So none holds what Markdown takes for its own: a bar
in a table, a backslash before punctuation within a line, an underscore after punctuation.
"""

import re

from derivations.book.document import Document
from derivations.book.fill import Filter, fill
from derivations.book.line_breaks import lines as broken

BREAK_AT = {"text": 90, "step": 70, "bound": 36, "limit": 36}
"""Glyphs per line of a formula: in a line of the page, and in the columns of the tables."""


def markdown_book(document: Document) -> str:
    """The document as a Markdown file."""
    filters: dict[str, Filter] = {
        "prose": prose,
        "math": _math,
        "display": _display,
        "code": _code,
        "anchor": _anchor,
    }
    text = fill("book.j2", document, filters, form="markdown.j2")
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def prose(text: str) -> str:
    """Plain text that Markdown prints as it is, indices as such: J_F, ‖J‖_F."""
    text = re.sub(
        r"([\\`*\[\]|$])",
        r"\\\1",
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    )
    text = re.sub(r"(?<=[\w‖)])_([A-Za-z0-9]+|ℓ)(?![A-Za-z0-9_])", r"<sub>\1</sub>", text)
    text = re.sub(r"(?<=[\w‖)])\^([A-Za-z0-9]+|\([^()]*\))", r"<sup>\1</sup>", text)
    # x ~ N(0, I): a relation. Markdown may strike through what stands between two tildes.
    return re.sub(r"(?<=\s)~(?=\s)", "∼", text.replace("_", r"\_"))


def _code(name: str) -> str:
    return f"`{name}`"


def _display(latex: str) -> str:
    first, *rest = map(_safe, broken(latex, BREAK_AT["text"]))
    if not rest:
        return f"$${first}$$"
    rows = r" \\ ".join([f"&{first}", *(rf"&\quad {line}" for line in rest)])
    return rf"$$\begin{{aligned}}{rows}\end{{aligned}}$$"


def _math(latex: str, place: str = "text") -> str:
    """A formula within a line, in several where it is long."""
    first, *rest = broken(latex, BREAK_AT[place])
    return "<br>".join(f"${_safe(line)}$" for line in (first, *(rf"\quad {line}" for line in rest)))


def _anchor(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.casefold()).strip("-")


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

"""Renders an audit as plain text, Markdown, LaTeX, JSON or HTML. Works on the document alone.

The LaTeX compiles with plain pdflatex: no character outside ASCII is left in it.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from html import escape
from textwrap import wrap

from pydantic import JsonValue

from derivations.errors import InputError
from validate.audit.document import Audit, ClaimRecord, document
from validate.audit.verdicts import MARKS

WIDTH = 120
LABEL = 16
TITLE = "The claims of Noh 2021 (Informatics 8(3):53), judged"


def render(audit: Audit, form: str) -> str:
    """The audit in one of FORMATS; raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[form](audit)


def _rows(claim: ClaimRecord) -> Iterator[tuple[str, str]]:
    """What is said of a claim, line by line: (label, text)."""
    yield "claim", f"{claim.claim} ({claim.source})"
    yield "reading", claim.reading
    if claim.condition:
        yield "condition", claim.condition
    yield "evidence", claim.summary
    if claim.counterexample:
        yield "counterexample", _counterexample(claim.counterexample)
        if seen := claim.counterexample["autograd"]:
            assert isinstance(seen, dict)
            yield "autograd", "; ".join(f"{name}: {_number(value)}" for name, value in seen.items())


def _counterexample(found: Mapping[str, JsonValue]) -> str:
    given = found["given"]
    assert isinstance(given, dict)
    return (
        f"{', '.join(f'{name} = {value}' for name, value in given.items())}: {found['found']} "
        f"(claimed: {found['claims']})"
    )


def _number(value: JsonValue) -> str:
    return f"{value:.12g}".replace("-", "−") if isinstance(value, float) else str(value)


def _tally(audit: Audit) -> Iterator[tuple[str, str]]:
    for verdict, count in audit.tally.items():
        yield (
            f"{count} {verdict}",
            " ".join(claim.id for claim in audit.claims if claim.verdict == verdict) or "–",
        )


def _text(audit: Audit) -> str:
    lines = [TITLE, ""]
    lines += [f"  {label:<{LABEL}}{ids}" for label, ids in _tally(audit)]
    for claim in audit.claims:
        lines += ["", f"{claim.id} {MARKS[claim.verdict]} {claim.verdict}"]
        for label, text in _rows(claim):
            first, *rest = wrap(
                text, WIDTH - LABEL - 2, break_long_words=False, break_on_hyphens=False
            )
            lines += [f"  {label:<{LABEL}}{first}", *(f"  {'':<{LABEL}}{line}" for line in rest)]
    return "\n".join(lines) + "\n"


_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\|*_<>[]`~#"} | {"\n": " "}
)


def _markdown(audit: Audit) -> str:
    lines = [f"# {TITLE}", ""]
    lines += [f"- {label}: {ids}" for label, ids in _tally(audit)]
    lines += ["", "| | verdict | claim | condition |", "|---|---|---|---|"]
    for claim in audit.claims:
        condition = claim.condition.translate(_MARKDOWN)
        lines.append(
            f"| [{claim.id}](#{claim.id.lower()}) | {claim.verdict} | "
            f"{claim.claim.translate(_MARKDOWN)} | {condition} |"
        )
    for claim in audit.claims:
        lines += ["", f"## {claim.id}", "", f"**{claim.verdict}**", ""]
        lines += [f"- {label}: {text.translate(_MARKDOWN)}" for label, text in _rows(claim)]
    return "\n".join(lines) + "\n"


_HEAD = r"""\documentclass{article}
\usepackage[margin=2.2cm]{geometry}
\usepackage{amsmath,amssymb}
\setlength{\parindent}{0pt}
\begin{document}
"""


def _latex(audit: Audit) -> str:
    lines = [_HEAD + rf"\section*{{{latex(TITLE)}}}", r"\begin{tabular}{ll}"]
    lines += [rf"{latex(label)} & {latex(ids)} \\" for label, ids in _tally(audit)] + [
        r"\end{tabular}"
    ]
    for claim in audit.claims:
        lines += ["", rf"\subsection*{{{claim.id}: {claim.verdict}}}", r"\begin{description}"]
        lines += [rf"\item[{label}] {latex(text)}" for label, text in _rows(claim)] + [
            r"\end{description}"
        ]
    return "\n".join([*lines, r"\end{document}", ""])


_SUBSCRIPT = re.compile(r"(?<![A-Za-z])([A-Za-z])_(\{[^{}]*\}|[A-Za-z0-9])(?![A-Za-z0-9])")
_TILDE = re.compile("(.)\N{COMBINING TILDE}")
_SYMBOLS: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "∂": r"$\partial$", "×": r"$\times$", "·": r"$\cdot$", "→": r"$\to$", "≥": r"$\ge$", "≤": r"$\le$", "≠": r"$\neq$", "−": "$-$",
    "√": r"$\surd$", "Σ": r"$\Sigma$", "‖": r"$\Vert$", "|": r"$\vert$", "²": "$^2$", "′": "$'$", "γ": r"$\gamma$", "ρ": r"$\rho$",
    "…": r"\dots{}", "⋯": r"$\cdots$", "–": "--", "—": "---", "“": "``", "”": "''", "₀": "$_0$", "₁": "$_1$", "∞": r"$\infty$",
    "±": r"$\pm$",
}  # fmt: skip


def latex(text: str) -> str:
    """Plain text as LaTeX in ASCII: x_{l−1} becomes a subscript, a sign its command, any other
    character its code.
    """
    pieces, end = [], 0
    for match in sorted(
        [*_SUBSCRIPT.finditer(text), *_TILDE.finditer(text)], key=lambda match: match.start()
    ):
        pieces.append(_spell(text[end : match.start()]))
        if match.re is _SUBSCRIPT:
            inner = match[2].strip("{}").replace("−", "-")
            pieces.append(rf"${match[1]}_{{{inner}}}$")
        else:
            pieces.append(rf"$\tilde{{{_spell(match[1])}}}$")
        end = match.end()
    return "".join([*pieces, _spell(text[end:])])


def _spell(text: str) -> str:
    return "".join(
        _SYMBOLS.get(character) or (character if character.isascii() else _code(character))
        for character in text
    )


def _code(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return (
        "".join(_SYMBOLS.get(each, each) for each in plain) or rf"\texttt{{U+{ord(character):04X}}}"
    )


def _json(audit: Audit) -> str:
    return json.dumps(document(audit), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def html(audit: Audit) -> str:
    """The audit as one table, for notebooks."""
    rows = "".join(
        f"<tr><td>{claim.id}</td><td>{claim.verdict}</td><td>{escape(claim.claim)}</td><td>{escape(claim.condition)}</td></tr>"
        for claim in audit.claims
    )
    return f"<table><caption>{escape(TITLE)}</caption><tr><th></th><th>verdict</th><th>claim</th><th>condition</th></tr>{rows}</table>"


FORMATS: dict[str, Callable[[Audit], str]] = {
    "text": _text,
    "latex": _latex,
    "markdown": _markdown,
    "json": _json,
}

"""Renders the derivation document as plain text, Markdown, LaTeX or JSON. Works on the document alone."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from derivations.errors import InputError

Data = Mapping[str, Any]


def render(document: Data, form: str) -> str:
    """The document in one of FORMATS; raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[form](document)


def _json(document: Data) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _text(document: Data) -> str:
    lines = []
    for block in document["blocks"]:
        lines += [f"{block['block']} block, {block['reading']} reading", f"  {block['pullback']['text']}", ""]
        lines += [f"  {_mark(step)} {step['text']}    [{step['rule']}{_if(step)}]" for step in block["steps"]]
        lines += ["", *(f"  bound {b['id']} ({b['side']}, {b['certainty']}, {b['source']})" for b in block["bounds"]), ""]
    for equation in document["equations"]:
        lines += [f"{equation['id']}, {equation['reading']} reading"]
        lines += [f"  {_mark(step)} {step['text']}    [{step['rule']}{_if(step)}]" for step in equation["steps"]]
        lines += [f"  the paper: {claim['statement']}: {_verdict(claim)}" for claim in equation["claims"]] + [""]
    return "\n".join([*lines, "every step checked" if document["ok"] else "SOME STEPS FAILED"]) + "\n"


def _markdown(document: Data) -> str:
    lines = ["# Derivations", "", f"Every step passed its checks: **{'yes' if document['ok'] else 'no'}**.", ""]
    for block in document["blocks"]:
        lines += [f"## {_title(block)}", "", f"$${block['pullback']['latex']}$$", "", *_markdown_steps(block["steps"])]
        if block["bounds"]:
            lines += ["| bound | side | certainty | formula | as the branch vanishes | where | source |", "|---|---|---|---|---|---|---|"]
            lines += [_markdown_bound(bound) for bound in block["bounds"]] + [""]
    for equation in document["equations"]:
        lines += [f"## {_title(equation)}", "", "As transcribed:", "", f"$${equation['transcribed_latex']}$$", "", "As derived:", ""]
        lines += [f"$${equation['derived_latex']}$$", "", *_markdown_steps(equation["steps"])]
        lines += [f"- The paper: {claim['statement']}: **{_verdict(claim)}**." for claim in equation["claims"]] + [""]
    return "\n".join(lines)


def _markdown_steps(steps: list[Data]) -> list[str]:
    lines = ["| | step | rule | checks |", "|---|---|---|---|"]
    for step in steps:
        checks = ", ".join(check["method"] for check in step["checks"])
        lines.append(f"| {_mark(step)} | ${_cell(step['latex'])}$ | {step['rule']}{_if(step)} | {checks} |")
    return [*lines, ""]


def _markdown_bound(bound: Data) -> str:
    where = "; ".join(f"${_cell(line)}$" for line in bound["where"])
    cells = (
        bound["id"],
        bound["side"],
        bound["certainty"],
        f"${_cell(bound['latex'])}$",
        f"${_cell(bound['limit'])}$",
        where,
        bound["source"],
    )
    return f"| {' | '.join(cells)} |"


def _cell(latex: str) -> str:
    """A table cell must not hold the character that ends it."""
    return latex.replace(r"\left|", r"\left\vert ").replace(r"\right|", r"\right\vert ").replace("|", r"\vert ")


LATEX_HEAD = r"""\documentclass{article}
\usepackage[margin=2.2cm]{geometry}
\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\begin{document}
\title{Derivations}\author{gradbound}\date{}\maketitle
"""


def _latex(document: Data) -> str:
    lines = [LATEX_HEAD]
    for block in document["blocks"]:
        lines += [rf"\section{{{_escape(_title(block))}}}", *_latex_steps(block["steps"])]
        if block["bounds"]:
            lines += [r"\subsection*{Bounds}", r"\begin{itemize}", *map(_latex_bound, block["bounds"]), r"\end{itemize}"]
    for equation in document["equations"]:
        lines += [rf"\section{{{_escape(_title(equation))}}}", "As transcribed:", rf"\[{equation['transcribed_latex']}\]", "As derived:"]
        lines += [rf"\[{equation['derived_latex']}\]", *_latex_steps(equation["steps"]), r"\begin{itemize}"]
        lines += [rf"\item The paper: ${c['latex']}$ --- {_verdict(c)}." for c in equation["claims"]] + [r"\end{itemize}"]
    return "\n".join([*lines, r"\end{document}", ""])


def _latex_steps(steps: list[Data]) -> list[str]:
    return [rf"\[{step['latex']}\]{{\small\hfill {_escape(step['rule'])}; {'checked' if _passed(step) else 'FAILED'}}}" for step in steps]


def _latex_bound(bound: Data) -> str:
    where = "; ".join(f"${line}$" for line in bound["where"])
    name = rf"\texttt{{{_escape(bound['id'])}}}"
    return rf"\item {name} ({bound['side']}, {bound['certainty']}): ${bound['latex']}$, tends to ${bound['limit']}$. Where {where}."


_ESCAPES = str.maketrans(
    {"_": r"\_", "‖": r"$\Vert$", "≠": r"$\neq$", "≥": r"$\ge$", "≤": r"$\le$", "−": "--", "²": "$^2$", "Σ": r"$\Sigma$"}
)


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def _title(part: Data) -> str:
    name = part.get("block", "").replace("_", " ") + " block" if "block" in part else f"Equation ({part['id'].removeprefix('eq')})"
    return f"{name[0].upper()}{name[1:]}, {part['reading']} reading"


def _passed(step: Data) -> bool:
    return all(check["ok"] for check in step["checks"])


def _mark(step: Data) -> str:
    return "✓" if _passed(step) else "✗"


def _if(step: Data) -> str:
    return f", {step['condition']}" if step["condition"] else ""


def _verdict(claim: Data) -> str:
    return "holds" if claim["holds"] else "does not hold"


FORMATS: dict[str, Callable[[Data], str]] = {"text": _text, "latex": _latex, "markdown": _markdown, "json": _json}

"""Renders the derivation document as plain text, Markdown, LaTeX or JSON. Works on the document
alone."""

import json
from collections.abc import Callable

from derivations.book.arrange import (
    Data,
    Section,
    all_passed,
    meanings,
    number,
    passed,
    sections,
    verdict,
)
from derivations.book.latex import latex_book
from derivations.book.markdown import markdown_book
from derivations.errors import InputError


def render(document: Data, form: str) -> str:
    """The document in one of FORMATS; raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[form](document)


def _json(document: Data) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _text(document: Data) -> str:
    lines = [line for section in sections(document) for line in _section(section)]
    for theorem in document["theorems"]:
        lines += [
            (
                f"Theorem {theorem['id']} ({theorem['certainty']}; {theorem['source']}): "
                f"{theorem['title']}"
            ),
            f"  {theorem['statement']}",
        ]
        lines += [f"  if {condition}" for condition in theorem["conditions"]]
        lines += [f"  exact for {theorem['setting']}"] if theorem["setting"] else []
        lines += [*_steps(theorem["steps"]), ""]
    lines += [
        "Cited, not proved:",
        *(
            f"  {axiom['name']}: {axiom['statement']} ({axiom['source']})"
            for axiom in document["axioms"]
        ),
    ]
    lines += [
        "",
        all_passed(document),
        "every step checked" if document["ok"] else "SOME STEPS FAILED",
    ]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    lines = [section.title, "=" * len(section.title), ""]
    for block in section.readings:
        lines += [
            f"{block['block']} block, {block['reading']} reading",
            f"  {block['pullback']['text']}",
        ]
        lines += [
            f"  without the branch: {block['remains']['text']}",
            "",
            *_steps(block["steps"]),
            "",
        ]
        lines += [f"  bound {_bound(bound)}" for bound in block["bounds"]]
        lines += [f"    where {meaning.latex}" for meaning in meanings(block["bounds"])]
        lines += [
            f"  {pair['tighter']} is never looser than {pair['looser']}" for pair in block["order"]
        ] + [""]
    for _, readings in section.equations:
        for equation in readings:
            lines += [
                (
                    f"Equation ({number(equation)}) of the paper, {equation['id']}, "
                    f"{equation['reading']} reading"
                )
            ]
            lines += [
                *_steps(equation["steps"]),
                *(f"  the paper: {c['statement']}: {verdict(c)}" for c in equation["claims"]),
                "",
            ]
    return lines


def _bound(bound: Data) -> str:
    words = ", ".join(
        (
            bound["side"],
            bound["certainty"],
            f"holds for {bound['holds_for']}",
            *bound["conditions"],
            bound["source"],
        )
    )
    return f"{bound['id']}: {bound['latex']} → {bound['limit']} ({words})"


def _steps(steps: list[Data]) -> list[str]:
    return [
        f"  {'✓' if passed(step) else '✗'} {step['text']}    [{step['rule']}{_if(step)}]"
        for step in steps
    ]


def _if(step: Data) -> str:
    return f", {step['condition']}" if step["condition"] else ""


FORMATS: dict[str, Callable[[Data], str]] = {
    "text": _text,
    "latex": latex_book,
    "markdown": markdown_book,
    "json": _json,
}

"""Renders the derivation document as plain text, Markdown, LaTeX or JSON.

Works on the document alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from derivations.book.arrange import Section, all_passed, meanings, sections, verdict
from derivations.book.document import BlockRecord, BoundRecord, Document, StepRecord, TheoremRecord
from derivations.book.latex import latex_book
from derivations.book.markdown import markdown_book
from derivations.errors import InputError


@dataclass(frozen=True)
class PrintedDocument(Document):
    """A document that prints itself as text.

    A class of its own, for the schema knows no typesetter.
    """

    def __str__(self) -> str:
        return render(self, "text")


def render(document: Document, form: str) -> str:
    """The document in one of FORMATS; raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[form](document)


def _json(document: Document) -> str:
    return document.json(indent=2) + "\n"


def _text(document: Document) -> str:
    lines = [line for section in sections(document) for line in _section(section)]
    lines += [line for theorem in document.theorems for line in _theorem(theorem)]
    cited = (f"  {axiom.name}: {axiom.statement} ({axiom.source})" for axiom in document.axioms)
    lines += ["Cited, not proved:", *cited, "", all_passed(document)]
    lines += ["every step checked" if document.ok else "SOME STEPS FAILED"]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    lines = [section.title, "=" * len(section.title), ""]
    lines += [line for block in section.readings for line in _block(block)]
    for _, readings in section.equations:
        for equation in readings:
            lines += [
                (
                    f"Equation ({equation.number}) of the paper, {equation.id}, "
                    f"{equation.reading} reading"
                ),
                *_steps(equation.steps),
                *(f"  the paper: {c.statement}: {verdict(c)}" for c in equation.claims),
                "",
            ]
    return lines


def _block(block: BlockRecord) -> list[str]:
    return [
        f"{block.block} block, {block.reading} reading",
        f"  {block.pullback.text}",
        f"  without the branch: {block.remains.text}",
        "",
        *_steps(block.steps),
        "",
        *(f"  bound {_bound(bound)}" for bound in block.bounds),
        *(f"    where {meaning.latex}" for meaning in meanings(block.bounds)),
        *(f"  {pair.tighter} is never looser than {pair.looser}" for pair in block.order),
        "",
    ]


def _theorem(theorem: TheoremRecord) -> list[str]:
    return [
        f"Theorem {theorem.id} ({theorem.certainty}; {theorem.source}): {theorem.title}",
        f"  {theorem.statement}",
        *(f"  if {condition}" for condition in theorem.conditions),
        *([f"  exact for {theorem.setting}"] if theorem.setting else []),
        *_steps(theorem.steps),
        *(f"  bound {_bound(bound)}" for bound in theorem.bounds),
        *(f"    where {meaning.latex}" for meaning in meanings(theorem.bounds)),
        "",
    ]


def _bound(bound: BoundRecord) -> str:
    facts = (bound.side, bound.certainty, f"holds for {bound.holds_for}", *bound.conditions)
    return f"{bound.id}: {bound.latex} → {bound.limit} ({', '.join((*facts, bound.source))})"


def _steps(steps: Iterable[StepRecord]) -> list[str]:
    return [
        f"  {'✓' if step.passed else '✗'} {step.text}    [{step.rule}{_if(step)}]" for step in steps
    ]


def _if(step: StepRecord) -> str:
    return f", {step.condition}" if step.condition else ""


FORMATS: dict[str, Callable[[Document], str]] = {
    "text": _text,
    "latex": latex_book,
    "markdown": markdown_book,
    "json": _json,
}

"""Renders the derivation document as plain text, Markdown, LaTeX or JSON.

Works on the document alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from derivations.algebra.showing import Showing, shown_html, shown_text
from derivations.book.arrange import Section, all_passed, meanings, sections, verdict
from derivations.book.document import BlockRecord, BoundRecord, Document, StepRecord, TheoremRecord
from derivations.book.latex import latex_book
from derivations.book.markdown import markdown_book
from derivations.book.plain_math import as_text
from derivations.book.shown_lines import brief, shown
from derivations.errors import InputError, way_out


@dataclass(frozen=True, repr=False)
class PrintedDocument(Document):
    """A document that prints itself as text, and shows itself by the bounds it found.

    A class of its own, for the schema knows no typesetter.
    """

    def __str__(self) -> str:
        return render(self, "text")

    def __repr__(self) -> str:
        return shown_text(_bounds_found(self))

    def _repr_html_(self) -> str:
        return shown_html(_bounds_found(self))


def _bounds_found(document: Document) -> Showing:
    """The gradient of each block, then its bounds; of several blocks no meanings."""
    blocks = [each for each in document.blocks if each.bounds]
    names = ", ".join(dict.fromkeys(each.block for each in blocks))
    rows = [
        row
        for block in blocks
        for row in (
            (block.block, as_text(block.pullback.latex), "", ""),
            *((b.id, as_text(b.latex), b.certainty, b.holds_for) for b in block.bounds),
        )
    ]
    said = [
        f"where {as_text(meaning.latex)}"
        for block in blocks[: len(blocks) == 1]
        for meaning in meanings(block.bounds)
    ]
    theorems = [f"{len(document.theorems)} theorems"] if document.theorems else []
    notes = [*said, *theorems, all_passed(document), "print() shows every step."]
    return Showing(
        f"Gradient and bounds: {names or 'none'}",
        ("", "derived", "certainty", "holds for"),
        tuple(rows),
        tuple(notes),
    )


def render(document: Document, form: str) -> str:
    """The document in one of FORMATS; raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: {way_out(form, FORMATS)}")
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
        f"  {as_text(block.pullback.latex)}",
        f"  without the branch: {as_text(block.remains.latex)}",
        "",
        *_bounds(block.bounds),
        *(f"  {pair.tighter} is never looser than {pair.looser}" for pair in block.order),
        *([""] if block.bounds else []),
        *_steps(block.steps),
        "",
    ]


def _theorem(theorem: TheoremRecord) -> list[str]:
    return [
        f"Theorem {theorem.id} ({theorem.certainty}; {theorem.source}): {theorem.title}",
        f"  {theorem.statement}",
        *(f"  if {condition}" for condition in theorem.conditions),
        *([f"  exact for {theorem.setting}"] if theorem.setting else []),
        *_steps(theorem.steps),
        *_bounds(theorem.bounds),
        "",
    ]


def _bounds(bounds: Sequence[BoundRecord]) -> list[str]:
    return [
        *(f"  bound {_bound(bound)}" for bound in bounds),
        *(f"    where {as_text(meaning.latex)}" for meaning in meanings(bounds)),
    ]


def _bound(bound: BoundRecord) -> str:
    facts = (bound.side, bound.certainty, f"holds for {bound.holds_for}", *bound.conditions)
    formula, limit = as_text(bound.latex), as_text(bound.limit)
    return f"{bound.id}: {formula} → {limit} ({', '.join((*facts, bound.source))})"


def _steps(steps: Iterable[StepRecord]) -> list[str]:
    return [
        f"  {'✓' if row.step.passed else '✗'} {as_text(brief(row.step.latex))}"
        f"    [{row.step.rule}{_if(row.step)}]"
        if row.step
        else f"  ✓ … {row.said}"
        for row in shown(tuple(steps))
    ]


def _if(step: StepRecord) -> str:
    return f", {step.condition}" if step.condition else ""


FORMATS: dict[str, Callable[[Document], str]] = {
    "text": _text,
    "latex": latex_book,
    "markdown": markdown_book,
    "json": _json,
}

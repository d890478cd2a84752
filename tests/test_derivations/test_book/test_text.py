"""The derivation book: everything is in every format, and what failed is seen in every one."""

import json
from dataclasses import replace

import pytest

from derivations.book.arrange import methods
from derivations.book.document import Document
from derivations.book.lookup import in_words
from derivations.book.markdown import prose as markdown_prose
from derivations.book.prose import identifier
from derivations.book.prose import prose as latex_prose
from derivations.book.shown_lines import shown as rows_of
from derivations.book.text import FORMATS, render
from derivations.errors import InputError


def written(text: str, form: str) -> str:
    """Plain text as a format writes it."""
    writers = {
        "latex": latex_prose,
        "markdown": markdown_prose,
        "json": lambda each: json.dumps(each, ensure_ascii=False)[1:-1],
    }
    return writers.get(form, str)(text)


def pieces(document: Document, form: str) -> list[str]:
    """What must be found in the book: names, titles, statements, verdicts' subjects, sources."""
    names = [bound.id for block in document.blocks for bound in block.bounds] + [
        theorem.id for theorem in document.theorems
    ]
    found = [identifier(name) if form == "latex" else name for name in names]
    numbers = {
        e.id if form in ("text", "json") else f"Equation ({e.id.removeprefix('eq')})"
        for e in document.equations
    }
    texts = [block.title for block in document.blocks]
    texts += [claim.statement for equation in document.equations for claim in equation.claims]
    texts += [
        text
        for theorem in document.theorems
        for text in (theorem.title, theorem.statement, theorem.source, *theorem.conditions)
    ]
    texts += [
        text
        for axiom in document.axioms
        for text in (
            axiom.name if form in ("text", "json") else in_words(axiom.name),
            axiom.statement,
            axiom.source,
        )
    ]
    parts = (*document.blocks, *document.theorems)
    if form == "json":
        texts += [step.rule for part in parts for step in part.steps]
    else:
        rows = [row for part in parts for row in rows_of(part.steps)]
        texts += [row.step.rule if row.step else row.said for row in rows]
    return [*found, *numbers, *(written(text, form) for text in texts)]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_everything(document, printed, form):
    missing = {piece for piece in pieces(document, form) if piece not in printed[form]}
    assert not missing
    assert printed[form].endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_left_out_is_missed(document, form):
    """Negative control: a book that lacks blocks, equations, a theorem or axioms lacks a piece."""
    expected = pieces(document, form)
    for part, kept in (
        ("blocks", document.blocks[:-2]),
        ("equations", ()),
        ("theorems", document.theorems[:-1]),
        ("axioms", ()),
    ):
        text = render(replace(document, **{part: kept}), form)
        assert any(piece not in text for piece in expected), part


def test_a_failed_check_is_seen_in_every_format(document, printed, failed):
    assert "✗" in render(failed, "text")
    assert "✗" not in printed["text"]
    for form in ("text", "latex", "markdown"):
        assert "SOME STEPS FAILED" in render(failed, form)
        assert "SOME STEPS FAILED" not in printed[form]
    letter = methods(failed)[failed.steps[0].checks[0].method]
    for form in ("latex", "markdown"):
        assert f"{letter} FAILS" in render(failed, form)
    said = ", ".join(f"{methods(failed)[c.method]} FAILS" for c in failed.steps[0].checks)
    assert rf"& \textbf{{{said}}} \\" in render(failed, "latex")
    assert f"| **{said}** |" in render(failed, "markdown")


def test_an_unknown_format_is_refused(document):
    with pytest.raises(InputError, match="text, latex, markdown, json"):
        render(document, "html")


def test_a_document_that_is_made_to_be_printed_is_its_text(document, printed):
    assert str(document) == printed["text"]
    assert str(replace(document, axioms=())) != printed["text"]


def test_the_text_holds_no_latex(printed):
    assert [line for line in printed["text"].splitlines() if "\\" in line] == []
    assert "γ ≥ |t − 1| → 1" in printed["text"]


def test_the_bounds_stand_before_the_steps(printed):
    text = printed["text"].partition("residual block, operator reading")[2]
    assert text.index("bound residual.triangle.lower") < text.index("✓")


def test_a_document_shows_itself_by_its_bounds(document):
    one = replace(
        document,
        blocks=tuple(each for each in document.blocks if each.block == "residual"),
        theorems=(),
    )
    for shown in (repr(one), one._repr_html_()):
        assert "∂L/∂x = J_Fᵀ g + g" in shown
        assert all(bound.id in shown for block in one.blocks for bound in block.bounds)
        assert "where t = ‖J_Fᵀ g‖ / ‖g‖" in shown
        assert "✓" not in shown
    assert len(repr(one)) < 3000
    assert "<table>" in one._repr_html_()


def test_of_several_blocks_it_is_short_and_says_what_failed(document, failed):
    assert len(repr(document)) < 8000
    assert f"{len(document.theorems)} theorems" in repr(document)
    assert "SOME STEPS FAILED" in repr(failed)
    assert "SOME STEPS FAILED" not in repr(document)

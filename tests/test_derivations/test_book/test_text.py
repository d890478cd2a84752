"""The derivation book: everything is in every format, and a changed rule changes it."""

import json
import re
from dataclasses import asdict, replace

import pytest
import sympy as sp
import torch

from derivations.book import document as document_module
from derivations.book.arrange import derived_above, meanings, methods, sections
from derivations.book.document import Document, derive
from derivations.book.markdown import prose as markdown_prose
from derivations.book.prose import identifier
from derivations.book.prose import prose as latex_prose
from derivations.book.text import FORMATS, render
from derivations.errors import InputError
from derivations.rules import bounds as bounds_module

MATH = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$")


@pytest.fixture(scope="module", name="document")
def whole_document() -> Document:
    return derive()


@pytest.fixture(scope="module", name="printed")
def every_format(document) -> dict[str, str]:
    return {form: render(asdict(document), form) for form in FORMATS}


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
        text for axiom in document.axioms for text in (axiom.name, axiom.statement, axiom.source)
    ]
    texts += [step.rule for part in (*document.blocks, *document.theorems) for step in part.steps]
    return [*found, *numbers, *(written(text, form) for text in texts)]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_everything(document, printed, form):
    missing = {piece for piece in pieces(document, form) if piece not in printed[form]}
    assert not missing
    assert printed[form].endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_left_out_is_missed(document, form):
    """Negative control: without its last block, its equations, its last theorem or axiom the book
    lacks a piece.
    """
    expected = pieces(document, form)
    for part, kept in (
        ("blocks", document.blocks[:-2]),
        ("equations", ()),
        ("theorems", document.theorems[:-1]),
        ("axioms", ()),
    ):
        text = render(asdict(replace(document, **{part: kept})), form)
        assert any(piece not in text for piece in expected), part


def test_every_verdict_is_the_records(document, printed):
    for equation in document.equations:
        for claim in equation.claims:
            assert (
                f"{markdown_prose(claim.statement)}: "
                f"**{'holds' if claim.holds else 'does not hold'}**"
            ) in printed["markdown"]
            assert (
                f"{latex_prose(claim.statement)}: "
                rf"\textbf{{{'holds' if claim.holds else 'does not hold'}}}"
            ) in printed["latex"]


def test_a_block_has_one_section_that_holds_both_readings_and_its_equations(document, printed):
    for section in sections(asdict(document)):
        heading = rf"^## {re.escape(markdown_prose(section.title))}$"
        (start,) = [
            match.start() for match in re.finditer(heading, printed["markdown"], re.MULTILINE)
        ]
        text = printed["markdown"][start:].split("\n## ")[0]
        assert text.count("### Derivation, ") == 2
        assert f"(diagrams/{section.name}.svg)" in text
        assert all(f"Equation ({number})" in text for number, _ in section.equations)
    assert {e.block: e.id for e in document.equations} == {
        "plain": "eq1",
        "residual": "eq2",
        "se_residual": "eq3",
        "dense": "eq6",
    }


def test_equations_point_to_steps_that_are_theirs(document):
    data = asdict(document)
    (section,) = [section for section in sections(data) if section.name == "residual"]
    equation = section.equations[0][1][0]
    numbers = [int(each) for each in re.findall(r"\d+", derived_above(section, equation))]
    steps = section.readings[0]["steps"]
    assert [steps[number - 1] for number in numbers] == list(equation["steps"])
    altered = equation | {"steps": [equation["steps"][0] | {"latex": "0 = 1"}]}
    assert derived_above(section, altered) == ""


def test_a_symbol_with_two_meanings_says_where_each_holds(document):
    block = next(
        block
        for block in asdict(document)["blocks"]
        if block["bounds"] and block["block"] == "residual"
    )
    found = {meaning.latex: meaning.only_in for meaning in meanings(block["bounds"])}
    assert found[r"\sigma_{\max} = \sigma_{\max}\left(J_{F}\right)"] == (
        "residual.uniform.lower",
        "residual.uniform.upper",
    )
    assert found[r"\sigma_{\max} = \sigma_{\max}\left(I + J_{F}\right)"] == ("singular.max.upper",)
    assert [latex for latex in found if latex.startswith("t = ")] == [
        r"t = \lVert J_{F}^{\top} g \rVert / \lVert g \rVert"
    ]
    assert not any(latex.startswith(r"\sigma_{\max}(J") for latex in found)


def test_a_failed_check_is_seen_in_every_format(document):
    data = asdict(document)
    step = data["blocks"][0]["steps"][0]
    step["checks"] = [check | {"ok": False} for check in step["checks"]]
    data["ok"] = False
    assert "✗" in render(data, "text")
    for form in ("text", "latex", "markdown"):
        assert "SOME STEPS FAILED" in render(data, form)
        assert "SOME STEPS FAILED" not in render(asdict(document), form)
    letter = methods(data)[step["checks"][0]["method"]]
    for form in ("latex", "markdown"):
        assert f"{letter} FAILS" in render(data, form)


def test_an_unknown_format_is_refused(document):
    with pytest.raises(InputError, match="text, latex, markdown, json"):
        render(asdict(document), "html")


def test_latex_is_ascii_and_a_character_without_translation_is_refused(document, printed):
    assert {char for char in printed["latex"] if not char.isascii()} == set()
    theorem = replace(document.theorems[0], statement="‖J‖ ≤ ☃")
    with pytest.raises(InputError, match="☃"):
        render(asdict(replace(document, theorems=(theorem,))), "latex")


def test_latex_closes_what_it_opens(printed):
    text = printed["latex"]
    for name in ("longtable", "itemize", "description", "document"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")
    assert set(re.findall(r"\\(?:page)?ref\{([^}]*)\}", text)) <= set(
        re.findall(r"\\label\{([^}]*)\}", text)
    )


def test_markdown_tables_keep_their_columns(printed):
    columns = 0
    for line in printed["markdown"].splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert columns in (0, cells), line
        columns = cells


def test_markdown_formulas_hold_nothing_that_markdown_takes_for_its_own(printed):
    """Backslash before punctuation, bars, underscores that could open an emphasis; rows of a
    display end in two backslashes.
    """
    formulas = [display or inline for display, inline in MATH.findall(printed["markdown"])]
    assert len(formulas) > 500
    for formula in formulas:
        assert not re.search(
            r"[|*<>\n]|[^A-Za-z0-9]_|\\[^A-Za-z\\]", formula.replace(r"\\ ", "")
        ), formula
        assert formula == formula.strip()
    assert all(r"\\" not in inline for _, inline in MATH.findall(printed["markdown"]))


@pytest.mark.parametrize(
    "latex",
    [
        r"\left\{a\right\}",
        r"a\,b",
        r"|a|",
        r"a * b",
        r"\left[\begin{matrix}a\\b\end{matrix}\right]",
    ],
)
def test_such_formulas_are_rewritten(latex, document):
    data = asdict(derive(["plain"]))
    data["blocks"][0]["definition_latex"] = latex
    text = render(data, "markdown")
    assert f"${latex}$" not in text


def test_a_changed_bound_changes_the_book_and_the_number(monkeypatch):
    """The typesetter and the evaluation read the same expression."""
    from derivations.algebra.blocks import RESIDUAL
    from numeric import evaluate
    from numeric.evaluation.derived_block import derived_block

    def written_and_evaluated() -> tuple[str, torch.Tensor]:
        derived_block.cache_clear()
        record = next(
            b
            for block in derive(["residual"]).blocks
            for b in block.bounds
            if b.id == "residual.alignment.lower"
        )
        x, g = (
            torch.arange(1.0, 4.0, dtype=torch.float64)[None],
            torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64),
        )
        numbers = evaluate(RESIDUAL.term, {"F": lambda value: -0.3 * value}, x, g)
        return record.latex, next(bound.value for bound in numbers.bounds if bound.id == record.id)

    latex, value = written_and_evaluated()
    monkeypatch.setattr(
        bounds_module, "_ALIGNMENT", sp.sqrt(1 - sp.Min(bounds_module.COSINE, 0) ** 2) / 2
    )
    try:
        changed_latex, changed_value = written_and_evaluated()
    finally:
        derived_block.cache_clear()
    assert changed_latex != latex
    assert r"\frac{" in changed_latex
    assert torch.allclose(changed_value, value / 2)


def test_the_definition_follows_the_term(monkeypatch):
    from derivations.algebra.blocks import RESIDUAL
    from derivations.algebra.terms import Add, Chain, Identity, Layer, Pointwise

    changed = replace(RESIDUAL, term=Add(Chain(Layer("F"), Pointwise("tanh")), Identity()))
    monkeypatch.setattr(document_module, "block", lambda name: changed)
    after = render(asdict(derive(["residual"])), "markdown")
    monkeypatch.undo()
    assert "$$H(x) = tanh(F(x)) + x$$" in after
    assert "$$H(x) = F(x) + x$$" in render(asdict(derive(["residual"])), "markdown")

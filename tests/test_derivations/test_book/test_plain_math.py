"""LaTeX becomes text that a terminal shows: nothing of the book's formulas stays LaTeX."""

import re

import pytest

from derivations.book.plain_math import as_text


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\gamma \ge \left|{t - 1}\right|", "γ ≥ |t − 1|"),
        (r"\sqrt{1 - \min\left(0, c\right)^{2}}", "√(1 − min(0, c)²)"),
        (r"\sqrt{2}", "√2"),
        (r"\max\left(0, - \lambda - 1, \mu + 1\right)", "max(0, −λ − 1, μ + 1)"),
        (r"\sigma_{\max}(J_{F_1}^{\top})", "σ_max(J_F₁ᵀ)"),
        (r"\lVert J_{F}^{\top} g \rVert / \lVert g \rVert", "‖J_Fᵀ g‖ / ‖g‖"),
        (r"\frac{\partial L}{\partial x}", "∂L/∂x"),
        (r"\frac{a + b}{c}", "(a + b)/c"),
        (r"\frac{1}{2} x", "½ x"),
        (r"\tfrac12\left(Y + Y^{\top}\right)", "½(Y + Yᵀ)"),
        (r"\left[\begin{matrix}g_{F}\\g_{y}\end{matrix}\right]", "[g_F; g_y]"),
        (r"\operatorname{diag}(u) B", "diag(u) B"),
        (r"x^{n + 1} y^{10}", "x^(n + 1) y¹⁰"),
        (r"\sum_{i=0}^{l} a_{i}", "Σ_(i=0)^l a_i"),
        (r"a - \left(- b\right)", "a − (−b)"),
        (r"\binom{l}{k} \tilde{F}", "C(l, k) F\N{COMBINING TILDE}"),
        (r"\unheard{x}", "unheardx"),
        ("", ""),
        ("x^", "x^"),
    ],
)
def test_a_formula_as_text(latex: str, text: str) -> None:
    assert as_text(latex) == text


def test_nothing_of_the_book_stays_latex(document) -> None:
    parts = (*document.blocks, *document.theorems)
    formulas = [step.latex for part in parts for step in part.steps]
    for bound in (bound for part in parts for bound in part.bounds):
        formulas += [bound.latex, bound.limit, *bound.where]
    assert len(formulas) > 1000
    shown = [as_text(each) for each in formulas]
    assert [each for each in shown if re.search(r"[\\{}$&]|operatorname|left|right", each)] == []
    # A name that is left is a name of the derivation: no command of LaTeX.
    words = {word for each in shown for word in re.findall(r"[A-Za-z]{4,}", each)}
    assert words <= {"diag", "atan"}


def test_different_formulas_stay_different(document) -> None:
    for block in document.blocks:
        latex = {bound.latex for bound in block.bounds}
        assert len({as_text(each) for each in latex}) == len(latex)

"""Expressions as text and LaTeX: names of the notation, signs and brackets."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.printing import (
    definition_latex,
    in_prose,
    latex,
    short_text,
    step_latex,
    step_text,
    text,
)
from derivations.algebra.quantities import (
    GAIN,
    LAMBDA,
    MU,
    SIGMA_MAX,
    SIGMA_MIN,
    Cosine,
    Frobenius,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.steps import Step
from derivations.algebra.terms import Add, Chain, Identity, Layer
from derivations.rules.jacobian import linearize, remains


@pytest.fixture(name="notation")
def free_notation() -> Notation:
    return Notation(Identity(), {}, "operator")


@pytest.fixture(name="letters")
def three_letters(notation) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    return (
        notation.free("A", "n", "n"),
        notation.free("B", "n", "n", latex=r"\hat{B}"),
        notation.free("v", "n"),
    )


def test_matrices_as_text_and_latex(notation, letters):
    a, b, v = letters
    for expr, plain, typeset in (
        (a * b, "A*B", r"A \hat{B}"),
        (a.T * v, "Aᵀ*v", r"A^{\top} v"),
        (sp.Transpose(a + b), "(A + B)ᵀ", r"\left(A + \hat{B}\right)^{\top}"),
        ((a + b) * v, "(A + B)*v", r"\left(A + \hat{B}\right) v"),
        (sp.MatAdd(a, sp.MatMul(-1, b)), "A - B", r"A - \hat{B}"),
        (-a * v, "-A*v", r"-A v"),
        (3 * a, "3*A", r"3 A"),
        (sp.MatAdd(a, sp.Identity(a.shape[0])), "A + I", "A + I"),
        (
            sp.BlockMatrix([[a], [b]]),
            "[A; B]",
            r"\left[\begin{matrix}A\\\hat{B}\end{matrix}\right]",
        ),
    ):
        assert text(expr) == plain
        assert latex(expr, notation) == typeset


def test_powers_are_carets_in_text():
    x = sp.Symbol("x")
    assert text(x**2 + 1) == "x^2 + 1"


def test_steps_show_their_relation(notation):
    for relation, plain, typeset in (("=", "=", "="), (">=", "≥", r"\ge"), ("<=", "≤", r"\le")):
        step = Step("x", GAIN, relation, SIGMA_MAX)
        assert step_text(step) == f"gamma {plain} sigma_max"
        assert step_latex(step, notation) == rf"\gamma {typeset} \sigma_{{\max}}"


def test_a_limit_names_what_vanishes(notation):
    step = Step("x", 1 + EPSILON * GAIN, "->", 1, vanishing=EPSILON)
    assert step_text(step) == "epsilon*gamma + 1 → 1 as epsilon → 0"
    assert step_latex(step, notation) == (
        r"\lim_{\epsilon \to 0^+} \left(\epsilon \gamma + 1\right) = 1"
    )


def test_every_definition_is_written_out(notation, letters):
    a, _, v = letters
    shown = {
        Quantity(GAIN, NormRatio(a * v, v)): r"\gamma = \lVert A v \rVert / \lVert v \rVert",
        Quantity(sp.Symbol("c"), Cosine(v, a * v)): r"c = \cos\angle\left(v,\; A v\right)",
        Quantity(SIGMA_MAX, SigmaMax(a)): r"\sigma_{\max} = \sigma_{\max}\left(A\right)",
    }
    for quantity, expected in shown.items():
        assert definition_latex(quantity, notation) == expected
    least = definition_latex(Quantity(SIGMA_MIN, SigmaMinAdjoint(a)), notation)
    assert least == r"\sigma_{\min} = \sigma_{\min}\left(A^{\top}\right)"
    summed = definition_latex(Quantity(SIGMA_MIN, SigmaMinAdjoint(a + a.T)), notation)
    assert summed.endswith(r"\left(\left(A + A^{\top}\right)^{\top}\right)")
    assert r"\lambda_{\min}" in definition_latex(Quantity(MU, NumericalRange(a, -1)), notation)
    assert r"\lambda_{\max}" in definition_latex(Quantity(LAMBDA, NumericalRange(a, 1)), notation)
    assert definition_latex(Quantity(sp.Symbol("f"), Frobenius(a)), notation).endswith(
        r"\left\lVert A \right\rVert_F"
    )


def test_a_formula_within_a_sentence_holds_no_python():
    kappa, chi, n = sp.symbols("kappa chi n")
    assert in_prose(1 / kappa**2) == "κ^-2"
    assert in_prose((1 + chi) ** n / 2) == "(χ + 1)^n/2"
    assert in_prose(2 * chi / n) == "2·χ/n"


def test_a_limit_without_the_branch_names_what_vanishes():
    notation = notation_of(BLOCKS["residual"], "operator")
    step = remains(linearize(notation))
    assert step_latex(step, notation) == r"\lim_{J_{F} \to 0} \left(J_{F}^{\top} g + g\right) = g"
    assert step_text(step) == "J_Fᵀ*g + g → g as J_F → 0"


def test_short_text_is_the_text_but_of_what_is_long():
    for block in BLOCKS.values():
        pullback = linearize(notation_of(block, "operator")).pullback
        assert short_text(pullback) == text(pullback)
    names = [f"F_{index}" for index in range(60)]
    term = Chain(*(Add(Layer(name), Identity()) for name in names))
    notation = Notation(term, dict.fromkeys(names, ("n", "n")), "operator")
    said = short_text(linearize(notation).pullback)
    assert "J_F_0ᵀ*(…" in said
    assert said.endswith("g")
    assert len(said) < 5000

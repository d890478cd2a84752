"""Jacobians and pullbacks of drawn terms, against SymPy's own derivative of explicit functions."""

import pytest
import sympy as sp
from hypothesis import given
from term_strategies import DrawnTerm, drawn_terms

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import READINGS, DiagonalOf, JacobianOf, Notation, notation_of
from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.checker.check import check
from derivations.errors import InputError
from derivations.rules.jacobian import linearize

X = sp.Symbol("x")


def explicit(term: Term, x: sp.Expr) -> sp.Expr:
    """A transcendental function of one variable for each leaf: sin, exp and tanh, told apart by
    their names.
    """
    match term:
        case Identity():
            return x
        case Layer(name):
            return sp.sin(x * sp.Rational(sum(name.encode()), 100)) + x**2 / 3
        case Linear(name):
            return x * sp.Rational(sum(name.encode()), 50) + 1
        case Pointwise(name):
            return sp.tanh(x + sp.Rational(sum(name.encode()), 1000))
        case Chain(parts):
            for part in parts:
                x = explicit(part, x)
            return x
        case Add(parts):
            return sp.Add(*(explicit(part, x) for part in parts))
        case Gate(signal, gate):
            return explicit(signal, x) * explicit(gate, x)
    raise AssertionError(term)


def valued(notation: Notation, expr: sp.Expr) -> sp.Expr:
    """The expression with every symbol replaced by the explicit function that it stands for."""
    values = {}
    for symbol, meaning in notation.meanings.items():
        match meaning:
            case JacobianOf(term, point):
                z = sp.Symbol("z")
                values[symbol] = sp.diff(explicit(term, z), z).subs(z, explicit(point, X))
            case DiagonalOf(value):
                values[symbol] = explicit(value, X)
    return expr.subs(values)


@given(drawn_terms(scalar=True, depth=2))
def test_the_scalar_jacobian_is_sympys_derivative(drawn: DrawnTerm):
    notation = Notation(drawn.term, drawn.dims, "scalar", inputs=1)
    derived = valued(notation, linearize(notation).jacobian)
    expected = sp.diff(explicit(drawn.term, X), X)
    at = {X: sp.Rational(3, 10)}
    assert abs(sp.N((derived - expected).subs(at), 30)) <= sp.Float("1e-20") * (
        1 + abs(sp.N(expected.subs(at), 30))
    )


@given(drawn_terms(depth=2))
def test_every_step_of_an_operator_derivation_passes_two_checks(drawn: DrawnTerm):
    derivation = linearize(
        Notation(drawn.term, drawn.dims, "operator", inputs=drawn.inputs)
    ).derivation
    for checked in check(derivation):
        assert checked.ok, (checked.step, checked.checks)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("name", BLOCKS)
def test_every_step_of_a_named_block_passes_two_checks(name, reading):
    checked = check(linearize(notation_of(BLOCKS[name], reading)).derivation)
    assert len(checked) >= 2
    assert all(step.ok for step in checked)


def test_the_pullbacks_are_those_of_the_theory():
    pulled = {
        name: str(linearize(notation_of(block, "operator")).pullback)
        for name, block in BLOCKS.items()
    }
    assert pulled["plain"] == "J_F.T*g"
    assert pulled["residual"] == "g + J_F.T*g"
    assert pulled["dense"] == "g_y + J_F.T*g_F"
    assert (
        pulled["se_residual"]
        == "g + J_F.T*diag(Bs)*g + J_F.T*P.T*W_1.T*D_relu*W_2.T*D_sigmoid*B.T*diag(u)*g"
    )


def test_a_layer_met_at_two_points_has_two_jacobians():
    F = Layer("F")
    notation = Notation(Chain(F, F), {"F": ("n", "n")}, "operator")
    factors = linearize(notation).jacobian.args
    assert len(factors) == 2
    assert factors[0] != factors[1]
    assert notation.meanings[factors[0]] == JacobianOf(F, F)


def test_an_affine_map_has_one_jacobian_everywhere():
    W = Linear("W")
    notation = Notation(Chain(W, W), {"W": ("n", "n")}, "operator")
    assert linearize(notation).jacobian == notation.jacobian(W, Identity()) ** 2


def test_the_scalar_reading_refuses_a_concatenation_inside_a_block():
    term = Chain(Concat(Layer("F"), Identity()), Linear("W"))
    with pytest.raises(InputError, match="reading='operator'"):
        linearize(Notation(term, {"F": (1, 1), "W": (1, 2)}, "scalar", inputs=1))

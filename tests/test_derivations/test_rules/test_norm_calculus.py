"""Norms of products, sums and columns of factors: proved, and obeyed by drawn matrices."""

import pytest
import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.quantities import SigmaMax
from derivations.algebra.steps import Derivation
from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise
from derivations.checker.check import check
from derivations.checker.quantity_samples import evaluate, quantity_samples
from derivations.errors import UnknownNodeError
from derivations.rules.jacobian import linearize
from derivations.rules.norm_calculus import Ends, NormCalculus

F, G, W = Layer("F"), Layer("G"), Linear("W")
DIMS = {"F": ("n", "n"), "G": ("n", "n"), "W": ("n", "n")}
TERMS = {
    "a factor": F,
    "a product": Chain(F, G),
    "a sum": Add(F, G),
    "a sum with the identity": Add(F, Identity()),
    "a product of sums": Chain(Add(F, Identity()), Add(G, W)),
    "a power": Chain(W, W),
    "a column": Concat(F, Identity()),
    "known slopes": Chain(Pointwise("sigmoid"), F, Pointwise("relu")),
    "a gate": Gate(F, G),
}


def pulled(term) -> tuple[NormCalculus, Ends, sp.Expr]:
    """The calculus behind a free column, its ends, and the symbol of the image's norm."""
    notation = Notation(term, DIMS, "operator")
    operator = linearize(notation).jacobian
    u = notation.free("u", operator.shape[0])
    calculus = NormCalculus(notation, u)
    ends = calculus.pull(operator, u)
    return calculus, ends, calculus.ratio(ends.image)


def derivation(calculus: NormCalculus) -> Derivation:
    return Derivation("norms", calculus.notation, tuple(calculus.steps), tuple(calculus.quantities))


@pytest.mark.parametrize("name", TERMS)
def test_every_step_is_proved(name):
    calculus, _, _ = pulled(TERMS[name])
    checked = check(derivation(calculus))
    assert checked
    for step in checked:
        assert step.ok, (step.step, step.checks)


@pytest.mark.parametrize("name", TERMS)
def test_the_ends_enclose_the_norm_of_drawn_matrices(name):
    calculus, ends, size = pulled(TERMS[name])
    samples = quantity_samples(derivation(calculus))
    assert len(samples) >= 10
    low, middle, high = (evaluate(each, samples) for each in (ends.low, size, ends.high))
    slack = 1e-9 * (1 + high)
    assert (low <= middle + slack).all()
    assert (middle <= high + slack).all()


def sigma(symbol: str, end: str = "max") -> sp.Symbol:
    shown = symbol if end == "max" else f"{symbol}ᵀ"
    return sp.Symbol(f"sigma_{end}({shown})", nonnegative=True)


def test_the_ends_of_products_and_sums():
    f, g = sigma("J_F"), sigma("dH/dF(x)")
    _, product, _ = pulled(TERMS["a product"])
    assert product.high == f * g
    assert product.low == sigma("J_F", "min") * sigma("dH/dF(x)", "min")
    _, total, _ = pulled(TERMS["a sum with the identity"])
    assert total.high == 1 + f
    assert total.low == sp.Max(1 - f, sigma("J_F", "min") - 1, 0, evaluate=False)
    _, column, _ = pulled(TERMS["a column"])
    assert (column.low, column.high) == (0, sp.sqrt(1 + f**2))


def test_known_slopes_need_no_singular_value():
    _, ends, _ = pulled(Pointwise("sigmoid"))
    assert (ends.low, ends.high) == (0, sp.Rational(1, 4))


def test_a_multiple_counts_by_its_size():
    notation = Notation(F, DIMS, "operator")
    u, slope = notation.free("u", "n"), notation.jacobian(F, Identity())
    calculus = NormCalculus(notation, u)
    ends = calculus.pull(-3 * slope, u)
    assert (ends.low, ends.high) == (3 * sigma("J_F", "min"), 3 * sigma("J_F"))
    assert calculus.ratio(-2 * u) == 2


def test_a_diagonal_and_what_follows_up_to_slopes_is_one_operator():
    """The columns of diag(u) B D have disjoint supports where B broadcasts: its own norm is far
    below the product of the norms.
    """
    notation = Notation(Gate(F, Chain(G, Pointwise("relu"), W)), DIMS, "operator", {F: "u", G: "v"})
    operator = linearize(notation).jacobian
    u = notation.free("u", "n")
    calculus = NormCalculus(notation, u)
    calculus.pull(operator, u)
    taken = [
        str(q.definition.operator)
        for q in calculus.quantities
        if isinstance(q.definition, SigmaMax)
    ]
    assert "diag(u)*W*D_relu" in taken
    assert "diag(u)" not in taken


def test_what_it_cannot_read_is_refused():
    notation = Notation(F, DIMS, "operator")
    u, slope = notation.free("u", "n"), notation.jacobian(F, Identity())
    with pytest.raises(UnknownNodeError, match="no norm rule for Transpose"):
        NormCalculus(notation, u).pull(slope.T, u)
